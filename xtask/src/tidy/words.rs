//! Words that have no place in the project: folders of one machine, hosts of registries.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// Written in halves, so that this file does not find itself.
const FORBIDDEN: &[(&str, &str)] = &[
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("/wo", "rk/"),
    ("static.crates", ".io"),
    ("index.crates", ".io"),
    ("registry.npmjs", ".org"),
    ("files.pythonhosted", ".org"),
    ("deb.debian", ".org"),
];

/// Faults in every tracked text file except the lock file.
pub fn check(root: &Path, tracked: &[PathBuf]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in tracked {
        if path.extension().is_some_and(|extension| extension == "lock") {
            continue;
        }
        let Ok(text) = String::from_utf8(std::fs::read(root.join(path))?) else { continue };
        for (number, line) in text.lines().enumerate() {
            for word in found(line) {
                faults.push(format!("{}:{}: `{word}`", path.display(), number + 1));
            }
        }
    }
    Ok(faults)
}

fn found(line: &str) -> impl Iterator<Item = String> + '_ {
    FORBIDDEN
        .iter()
        .map(|(first, second)| format!("{first}{second}"))
        .filter(|word| line.match_indices(word.as_str()).any(|(at, _)| begins(line, at)))
}

/// Whether a path or host begins here, and is not the end of a longer one.
fn begins(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|text| text.chars().next_back());
    before.is_none_or(|c| !c.is_alphanumeric() && !"/.-_}*".contains(c))
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn a_machine_path_is_found() {
        assert_eq!(found(concat!("see /ho", "me/someone/x")).count(), 1);
        assert_eq!(found("see docs/x").count(), 0);
        assert_eq!(found(concat!("arn:aws:s3:::bucket/ho", "me/x")).count(), 0);
    }
}
