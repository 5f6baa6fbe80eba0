//! What lies on a disk, read from its segment files while no process runs.
//!
//! ```text
//! segments/(number).seg     head of 64 bytes, then records at multiples of 8:
//!   0  "EFR1"    4  kind: 1 fragment, 2 a part is removed, 3 a fragment is removed, 4 mark
//!   8  part      24 stripe    28 fragment    32 payload length
//!  40  segment   44 offset    52 block length
//!  56  removals: position (segment << 32 | offset) before which they apply
//!  72  a checksum of 4 bytes per block, then the payload
//! ```
//! Checksums are not looked at: that is what scrub is for. A record is where it says that
//! it is, so that bytes of an object are not taken for one.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};

/// Head of a segment, and of a record.
const HEAD_BYTES: usize = 64;
const RECORD_BYTES: usize = 72;
const MAGIC: &[u8] = b"EFR1";
const ALIGN: usize = 8;

/// A fragment's name: part, stripe, fragment number.
pub type Name = ([u8; 16], u32, u8);

/// The fragments on one disk, without those that were removed.
#[derive(Debug, Default)]
pub struct OnDisk {
    /// Each where it was last written.
    pub fragments: BTreeMap<Name, Lies>,
    removed: Vec<Removal>,
}

/// Where a fragment lies.
#[derive(Clone, Debug)]
pub struct Lies {
    /// Segment << 32 | offset.
    position: u64,
    /// The segment's file.
    pub file: Arc<Path>,
    /// Its payload in there, in bytes.
    pub payload: Range<usize>,
}

impl Lies {
    /// The bytes of the payload, as they are in the file.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.payload.len()];
        fs::File::open(&self.file)?.read_exact_at(&mut bytes, self.payload.start as u64)?;
        Ok(bytes)
    }
}

/// Of a part, or of one fragment of it, where it was written before a position.
#[derive(Debug)]
struct Removal {
    part: [u8; 16],
    one: Option<(u32, u8)>,
    before: u64,
}

impl OnDisk {
    /// Reads all segments below a data directory.
    pub fn read(data: &Path) -> Result<Self> {
        let mut found = Self::default();
        found.descend(data).with_context(|| format!("reading {}", data.display()))?;
        let removed = std::mem::take(&mut found.removed);
        for Removal { part, one, before } in removed {
            found.fragments.retain(|(of, stripe, fragment), at| {
                let is_meant = *of == part && one.is_none_or(|one| one == (*stripe, *fragment));
                !is_meant || at.position >= before
            });
        }
        Ok(found)
    }

    fn descend(&mut self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.descend(&path)?;
            } else if path.extension().is_some_and(|end| end == "seg")
                && let Some(number) = path.file_stem().and_then(|stem| stem.to_str())
                && let Ok(number) = u32::from_str_radix(number, 16)
            {
                self.segment(number, &path.as_path().into(), &fs::read(&path)?);
            }
        }
        Ok(())
    }

    fn segment(&mut self, number: u32, file: &Arc<Path>, bytes: &[u8]) {
        let mut at = HEAD_BYTES;
        while let Some(record) = bytes.get(at..).filter(|rest| rest.len() >= RECORD_BYTES) {
            at += self.record(number, file, at, record).unwrap_or(ALIGN);
        }
    }

    /// Takes in the record that these bytes begin with; its length, if it is one.
    fn record(
        &mut self,
        segment: u32,
        file: &Arc<Path>,
        offset: usize,
        record: &[u8],
    ) -> Option<usize> {
        let u32_at = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?))
        };
        let is_here = record.starts_with(MAGIC)
            && u32_at(40)? == segment
            && usize::try_from(u32_at(44)?).ok()? == offset;
        if !is_here {
            return None;
        }
        let part: [u8; 16] = record.get(8..24)?.try_into().ok()?;
        let (stripe, fragment) = (u32_at(24)?, *record.get(28)?);
        let position = (u64::from(segment) << 32) | u64::from(u32_at(44)?);
        let before = u64::from_le_bytes(record.get(56..64)?.try_into().ok()?);
        let (payload, block) =
            (usize::try_from(u32_at(32)?).ok()?, usize::try_from(u32_at(52)?).ok()?);
        let blocks = if block == 0 { 0 } else { payload.div_ceil(block) };
        let from = RECORD_BYTES + 4 * blocks;
        match record.get(4)? {
            1 => {
                let payload = offset + from..offset + from + payload;
                let here = Lies { position, file: Arc::clone(file), payload };
                let known =
                    self.fragments.entry((part, stripe, fragment)).or_insert_with(|| here.clone());
                if position > known.position {
                    *known = here;
                }
            }
            2 => self.removed.push(Removal { part, one: None, before }),
            3 => self.removed.push(Removal { part, one: Some((stripe, fragment)), before }),
            _ => {}
        }
        Some((from + payload).next_multiple_of(ALIGN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, part: u8, fragment: u8, at: u32, before: u64, payload: usize) -> Vec<u8> {
        let mut bytes = vec![0; RECORD_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = kind;
        bytes[8..24].copy_from_slice(&[part; 16]);
        bytes[28] = fragment;
        bytes[32..36].copy_from_slice(&u32::try_from(payload).unwrap().to_le_bytes());
        bytes[40..44].copy_from_slice(&3_u32.to_le_bytes());
        bytes[44..48].copy_from_slice(&at.to_le_bytes());
        bytes[52..56].copy_from_slice(&65_536_u32.to_le_bytes());
        bytes[56..64].copy_from_slice(&before.to_le_bytes());
        let blocks = payload.div_ceil(65_536);
        bytes.resize((RECORD_BYTES + 4 * blocks + payload).next_multiple_of(ALIGN), 9);
        bytes
    }

    #[test]
    fn fragments_are_found_but_for_those_removed_since() {
        let folder = tempfile::tempdir().unwrap();
        let segments = folder.path().join("disk/segments");
        fs::create_dir_all(&segments).unwrap();
        let mut bytes = vec![0; HEAD_BYTES];
        let here = |bytes: &Vec<u8>| u32::try_from(bytes.len()).unwrap();
        for (part, fragment) in [(1, 0), (1, 1), (2, 0)] {
            let at = here(&bytes);
            bytes.extend(record(1, part, fragment, at, 0, 100_001));
        }
        // A hole, and a record that stands elsewhere than it says.
        bytes.extend([0; 64]);
        bytes.extend(record(1, 7, 0, 64, 0, 8));
        let before = (3 << 32) | u64::from(here(&bytes));
        let at = here(&bytes);
        bytes.extend(record(3, 1, 1, at, before, 0));
        let at = here(&bytes);
        bytes.extend(record(2, 2, 0, at, before, 0));
        // Stored again after it was removed.
        let at = here(&bytes);
        bytes.extend(record(1, 2, 0, at, 0, 8));
        fs::write(segments.join("00000003.seg"), bytes).unwrap();
        let found = OnDisk::read(folder.path()).unwrap();
        let names: Vec<Name> = found.fragments.keys().copied().collect();
        assert_eq!(names, [([1; 16], 0, 0), ([2; 16], 0, 0)]);
        let payload = |part| found.fragments[&([part; 16], 0, 0)].bytes().unwrap();
        assert_eq!(payload(1), vec![9; 100_001]);
        assert_eq!(payload(2), [9; 8], "the one that was stored again");
    }
}
