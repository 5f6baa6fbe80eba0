//! The passphrase, from the file that an operator names.
//!
//! Where one is chosen it must be one line: of several nobody knows which are meant. One
//! that was chosen before that was looked at is taken as it was, or nothing would open.

use std::path::Path;

use vault::Passphrase;
use vault::limits::PASSPHRASE_BYTES_MAX;
use zeroize::Zeroizing;

use crate::files::{ROOT_KEY_FILE, file_read};
use crate::settings::Settings;
use crate::trouble::Trouble;

/// The passphrase of the file that the settings name: for the root key that is there, or
/// for the one that is to be made.
pub(crate) fn of_start(settings: &Settings) -> Result<Option<Passphrase>, Trouble> {
    let Some(file) = &settings.passphrase_file else { return Ok(None) };
    if settings.data.join(ROOT_KEY_FILE).exists() {
        return of_key(file).map(Some);
    }
    Ok(Some(Passphrase::new(&passphrase_set_read(file)?)))
}

/// The passphrase of a root key that is there.
pub(crate) fn of_key(file: &Path) -> Result<Passphrase, Trouble> {
    let text = Zeroizing::new(file_read(file)?);
    Ok(Passphrase::new(line_of(file, &text)?))
}

/// A passphrase that is being chosen.
pub fn passphrase_set_read(file: &Path) -> Result<Zeroizing<String>, Trouble> {
    let text = Zeroizing::new(file_read(file)?);
    let line = line_of(file, &text)?;
    let shown = file.display();
    if line.contains(['\r', '\n']) {
        return Err(Trouble::new(
            format!("the passphrase file {shown} has more than one line"),
            "leave one line in it, the passphrase; nothing was changed",
        ));
    }
    if line.len() > PASSPHRASE_BYTES_MAX {
        return Err(Trouble::new(
            format!("the passphrase in {shown} is longer than {PASSPHRASE_BYTES_MAX} bytes"),
            "choose a shorter one; nothing was changed",
        ));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn line_of<'a>(file: &Path, text: &'a str) -> Result<&'a str, Trouble> {
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Trouble::new(
            format!("the passphrase file {} is empty", file.display()),
            "write the passphrase into it, or leave --passphrase-file out; nothing was changed",
        ));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::{of_key, passphrase_set_read};

    #[test]
    fn one_line_is_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        let check = |text: &str, words: Option<&str>| {
            std::fs::write(&file, text).unwrap();
            let chosen = passphrase_set_read(&file).map_err(|trouble| trouble.message);
            match words {
                None => assert_eq!(chosen.unwrap().as_str(), "a word"),
                Some(words) => assert!(chosen.unwrap_err().contains(words), "{text:?}"),
            }
        };
        check("a word", None);
        check("a word\r\n", None);
        check("a word\n\n", None);
        check("a word\nanother\n", Some("more than one line"));
        check("a word\ranother", Some("more than one line"));
        check("\n", Some("is empty"));
        check(&"x".repeat(2_000), Some("longer than 1024 bytes"));
    }

    #[test]
    fn what_was_chosen_before_still_opens() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        std::fs::write(&file, "a word\nanother\n").unwrap();
        of_key(&file).unwrap();
    }
}
