//! Reads a backup, checking every part before it is handed on.

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};

use crate::backup::RestoreError;
use crate::backup::header::{FIXED_BYTES, Header};
use crate::limits::BACKUP_BLOCK_BYTES_MAX;
use crate::log::record::crc32c;

/// Totals of a backup that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Bytes being read, counted and digested.
struct Source<'a> {
    bytes: &'a mut dyn Read,
    offset: u64,
    digest: Context,
}

impl Source<'_> {
    fn damaged(&self, reason: &'static str) -> RestoreError {
        RestoreError::Damaged { offset: self.offset, reason }
    }

    /// Appends exactly `count` bytes to `out`, without trusting `count` with memory.
    fn take(&mut self, count: usize, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        let read = (&mut *self.bytes).take(count as u64).read_to_end(out);
        let read = read.map_err(RestoreError::Read)?;
        if read != count {
            return Err(self.damaged("the file is cut short"));
        }
        Ok(())
    }

    /// Counts and digests a part that was taken and checked.
    fn done(&mut self, part: &[u8]) {
        self.offset += part.len() as u64;
        self.digest.update(part);
    }
}

/// Reads a whole backup, handing each row on as soon as its block is checked.
pub(crate) fn read_backup(
    source: &mut dyn Read,
    mut each_row: impl FnMut(&[u8], &[u8]) -> Result<(), RestoreError>,
) -> Result<(Header, Totals), RestoreError> {
    let mut source = Source { bytes: source, offset: 0, digest: Context::new(&SHA256) };
    let header = read_header(&mut source)?;
    let mut totals = Totals { rows: 0, bytes: 0 };
    let mut last_key: Vec<u8> = Vec::new();
    loop {
        let mut part = Vec::new();
        source.take(4, &mut part)?;
        let length = part.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes)) as usize;
        if length == 0 {
            check_trailer(&mut source, part, totals)?;
            return Ok((header, totals));
        }
        if length > BACKUP_BLOCK_BYTES_MAX {
            return Err(source.damaged("a block is too long"));
        }
        source.take(4 + length + 4, &mut part)?;
        let Some((covered, checksum)) = part.split_last_chunk::<4>() else {
            return Err(source.damaged("a block is cut short"));
        };
        if crc32c(covered) != u32::from_be_bytes(*checksum) {
            return Err(source.damaged("the checksum of a block does not match"));
        }
        let mut block = Block(covered.get(4..).unwrap_or_default());
        let Some(count) = block.number() else { return Err(source.damaged("a block is empty")) };
        for _ in 0..count {
            let (Some(key), Some(value)) = (block.bytes(), block.bytes()) else {
                return Err(source.damaged("a row is cut short"));
            };
            if key <= &last_key[..] {
                return Err(source.damaged("the rows are out of order"));
            }
            if key.first() == Some(&kv::RESERVED_PREFIX) {
                return Err(source.damaged("a row is reserved"));
            }
            each_row(key, value)?;
            key.clone_into(&mut last_key);
            totals.rows += 1;
            totals.bytes += key.len() as u64 + value.len() as u64;
        }
        if !block.0.is_empty() {
            return Err(source.damaged("a block is longer than its rows"));
        }
        source.done(&part);
    }
}

fn read_header(source: &mut Source<'_>) -> Result<Header, RestoreError> {
    let mut part = Vec::new();
    source.take(FIXED_BYTES, &mut part)?;
    let Some(fixed) = part.first_chunk::<FIXED_BYTES>() else {
        return Err(source.damaged("the header is cut short"));
    };
    let rest = Header::membership_bytes(fixed)? + 4;
    source.take(rest, &mut part)?;
    let header = Header::decode(&part)?;
    source.done(&part);
    Ok(header)
}

fn check_trailer(
    source: &mut Source<'_>,
    mut part: Vec<u8>,
    totals: Totals,
) -> Result<(), RestoreError> {
    source.take(8 + 8 + 32 + 4, &mut part)?;
    let mut expected = Vec::new();
    expected.extend_from_slice(&0_u32.to_be_bytes());
    expected.extend_from_slice(&totals.rows.to_be_bytes());
    expected.extend_from_slice(&totals.bytes.to_be_bytes());
    expected.extend_from_slice(source.digest.clone().finish().as_ref());
    let checksum = crc32c(&expected);
    expected.extend_from_slice(&checksum.to_be_bytes());
    if part != expected {
        return Err(source.damaged("the totals or the digest do not match"));
    }
    source.done(&part);
    let mut beyond = [0; 1];
    loop {
        match source.bytes.read(&mut beyond) {
            Ok(0) => return Ok(()),
            Ok(_) => return Err(source.damaged("bytes follow the end")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(RestoreError::Read(error)),
        }
    }
}

/// A block being taken apart.
struct Block<'a>(&'a [u8]);

impl<'a> Block<'a> {
    fn number(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
