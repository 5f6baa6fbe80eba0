//! The documents of a demonstration: those of a folder, or made ones.
//!
//! Neither is kept in memory: a file is read again, a made one is made again.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::failure::Failure;

/// Documents that are made if no folder is given.
const MADE: usize = 90;
/// Documents that are taken from a folder; of more, the first by name.
const TAKEN_MAX: usize = 2_000;
/// Bytes of one document: a demonstration holds a few of them in memory at a time.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// A document, by which name it is stored and where its bytes come from.
#[derive(Clone, Debug)]
pub struct Document {
    /// The key of the object.
    pub key: String,
    /// How long it is.
    pub size: u64,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Made(u64),
}

impl Document {
    /// A made one: text or, for every third number, bytes that look like a scan.
    pub fn made(key: String, number: u64, size: u64) -> Self {
        Self { key, size, source: Source::Made(number) }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Result<Bytes, Failure> {
        match &self.source {
            Source::File(path) => fs::read(path).map(Bytes::from).map_err(|error| {
                let hint = "the files must stay as they are while the demonstration runs";
                Failure::failed(format!("{} cannot be read: {error}", path.display()), hint)
            }),
            Source::Made(number) if number % 3 == 0 => Ok(scan(*number, self.size)),
            Source::Made(number) => Ok(minutes(*number, self.size)),
        }
    }
}

/// The documents of a folder and of those in it, or made ones.
pub fn gather(folder: Option<&Path>) -> Result<Vec<Document>, Failure> {
    let Some(folder) = folder else { return Ok(made()) };
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let unread = |error: std::io::Error| {
            Failure::failed(format!("{} cannot be read: {error}", next.display()), "")
        };
        for entry in fs::read_dir(&next).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            // What a link points to may lie outside the folder.
            let Ok(about) = path.symlink_metadata() else { continue };
            if about.is_dir() {
                folders.push(path);
            } else if about.is_file() && about.len() <= DOCUMENT_BYTES_MAX {
                let inside = path.strip_prefix(folder).unwrap_or(&path);
                // An object's key is text.
                let Some(key) = inside.to_str() else { continue };
                let (key, size) = (key.to_owned(), about.len());
                found.push(Document { key, size, source: Source::File(path) });
            }
        }
    }
    found.sort_by(|one, other| one.key.cmp(&other.key));
    found.truncate(TAKEN_MAX);
    if found.is_empty() {
        return Err(Failure::failed(
            format!("there is no document in {}", folder.display()),
            "name a folder with files of up to 256 MiB, or none: documents are made then",
        ));
    }
    Ok(found)
}

/// As a town hall has them: many short texts, some scans, a few large plans.
fn made() -> Vec<Document> {
    let one = |number: usize| {
        let (folder, size) = match number % 15 {
            0 => ("plans", 6 << 20),
            3 | 6 | 9 | 12 => ("scans", 400_000 + 70_000 * number as u64),
            _ => ("deliberations", 1_500 + 900 * number as u64),
        };
        let key = format!("{folder}/2026-{:02}/{number:03}.txt", number % 12 + 1);
        Document::made(key, number as u64, size)
    };
    (0..MADE).map(one).collect()
}

/// Text of so many bytes.
fn minutes(number: u64, size: u64) -> Bytes {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut text = Vec::with_capacity(size.saturating_add(256));
    let mut article = 1_u64;
    while text.len() < size {
        let votes = (number * 7 + article * 3) % 20;
        let line = format!(
            "Délibération {number}, article {article} : le conseil municipal approuve par {} voix \
             pour et {} contre.\n",
            27 - votes,
            votes
        );
        text.extend_from_slice(line.as_bytes());
        article += 1;
    }
    text.truncate(size);
    text.into()
}

/// Bytes that do not compress (the generator is splitmix64, by Steele, Lea and Flood).
fn scan(number: u64, size: u64) -> Bytes {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(size.saturating_add(8));
    let mut state = number;
    while bytes.len() < size {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_document_is_the_same_each_time_and_as_long_as_it_says() {
        let documents = gather(None).unwrap();
        assert_eq!(documents.len(), MADE);
        for document in &documents {
            let bytes = document.bytes().unwrap();
            assert_eq!(bytes.len() as u64, document.size, "{}", document.key);
            assert_eq!(bytes, document.bytes().unwrap());
        }
        let mut all: Vec<Bytes> = documents.iter().map(|one| one.bytes().unwrap()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), MADE, "no two are alike");
    }
}
