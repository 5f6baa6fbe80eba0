//! The book of disks: where each one was, and when it was last there.
//!
//! It is kept in the catalog, so that whoever restores a backup is told where to look
//! for the disks, and so that it is known since when one is missing. Nothing depends on
//! it: what a disk is stands in its own mark.
//!
//! ```text
//! { "format": "essaim-disks-1", "disks": [ { "id", "directory", "seen" } ] }
//! ```

use catalog::{JobName, ReadError, SealedBytes, View};
use serde::{Deserialize, Serialize};
use units::{DiskId, Timestamp};

use crate::limits::{BOOK_DISKS_MAX, BOOK_EVERY};

const FORMAT: &str = "essaim-disks-1";

/// A disk as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BookEntry {
    #[serde(with = "crate::identity::id_text")]
    pub(crate) id: DiskId,
    /// Where, as the operating system named it.
    pub(crate) directory: String,
    pub(crate) seen: Timestamp,
}

/// All of them, those seen last first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DiskBook {
    format: String,
    pub(crate) disks: Vec<BookEntry>,
}

impl Default for DiskBook {
    fn default() -> Self {
        Self { format: FORMAT.to_owned(), disks: Vec::new() }
    }
}

impl DiskBook {
    /// The job under which it is kept.
    pub(crate) fn job() -> Option<JobName> {
        JobName::new("disks").ok()
    }

    /// The book of a catalog; an empty one if there is none, or none that can be read.
    pub(crate) fn read(view: &View) -> Result<Self, ReadError> {
        let Some(name) = Self::job() else { return Ok(Self::default()) };
        let job = view.job(&name)?;
        let book = job.and_then(|job| serde_json::from_slice::<Self>(job.state.as_slice()).ok());
        Ok(book.filter(|book| book.format == FORMAT).unwrap_or_default())
    }

    pub(crate) fn of(&self, disk: DiskId) -> Option<&BookEntry> {
        self.disks.iter().find(|entry| entry.id == disk)
    }

    /// Notes that these disks are there now, and that some are to be left out; whether
    /// that is worth writing down.
    pub(crate) fn note(
        &mut self,
        there: &[(DiskId, String)],
        gone: &[DiskId],
        now: Timestamp,
    ) -> bool {
        let all = self.disks.len();
        self.disks.retain(|entry| !gone.contains(&entry.id));
        let known = |entry: &BookEntry, (id, directory): &(DiskId, String)| {
            entry.id == *id && entry.directory == *directory && now.since(entry.seen) < BOOK_EVERY
        };
        let is_known = |one| self.disks.iter().any(|entry| known(entry, one));
        let is_new = !there.iter().all(is_known);
        if is_new {
            self.disks.retain(|entry| there.iter().all(|(id, _)| *id != entry.id));
            let seen = |(id, directory): &(DiskId, String)| BookEntry {
                id: *id,
                directory: directory.clone(),
                seen: now,
            };
            self.disks.splice(0..0, there.iter().map(seen));
            self.disks.truncate(BOOK_DISKS_MAX);
        }
        is_new || self.disks.len() < all
    }

    /// The state of its job: the last ones are left out until it fits.
    pub(crate) fn state(mut self) -> Option<SealedBytes> {
        loop {
            let bytes = serde_json::to_vec(&self).unwrap_or_default();
            if bytes.len() <= catalog::limits::JOB_BYTES_MAX {
                return Some(SealedBytes::new(bytes));
            }
            self.disks.pop()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &[u8] = include_bytes!("../tests/golden/disks-1.json");

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_first_format_is_read_for_ever() {
        let book: DiskBook = serde_json::from_slice(GOLDEN).unwrap();
        let mut same = DiskBook::default();
        assert!(same.note(&[(DiskId::from_u128(1), "/mnt/a".to_owned())], &[], at(1_800_000_000)));
        assert_eq!(book, same);
        assert_eq!(same.state().unwrap().as_slice(), GOLDEN.trim_ascii());
    }

    #[test]
    fn it_is_written_when_something_changes_and_now_and_then() {
        let disk = |number: u128, place: &str| (DiskId::from_u128(number), place.to_owned());
        let both = [disk(1, "/mnt/a"), disk(2, "/mnt/b")];
        let mut book = DiskBook::default();
        assert!(book.note(&both, &[], at(100)));
        assert!(!book.note(&both, &[], at(101)), "nothing is new");
        let later = 100 + i64::try_from(BOOK_EVERY.as_secs()).unwrap();
        assert!(book.note(&both[..1], &[], at(later)));
        let seen = |book: &DiskBook, id| book.of(DiskId::from_u128(id)).map(|one| one.seen);
        assert_eq!((seen(&book, 1), seen(&book, 2)), (Some(at(later)), Some(at(100))));
        assert!(book.note(&[disk(1, "/mnt/z")], &[], at(later)), "it has moved");
        assert!(book.note(&[], &[DiskId::from_u128(2)], at(later)), "it was forgotten");
        assert_eq!((book.disks.len(), seen(&book, 2)), (1, None));
    }

    #[test]
    fn it_fits_its_row() {
        let mut book = DiskBook::default();
        let long = "x".repeat(4_000);
        let many: Vec<_> = (0..100).map(|id| (DiskId::from_u128(id), long.clone())).collect();
        assert!(book.note(&many, &[], at(1)));
        let state = book.state().unwrap();
        let kept: DiskBook = serde_json::from_slice(state.as_slice()).unwrap();
        assert!((10..100).contains(&kept.disks.len()));
    }
}
