//! Writes a backup piece by piece from a view that does not change.

use core::ops::Bound;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use catalog::Rows;

use crate::backup::BackupError;
use crate::backup::header::Header;
use crate::limits::BACKUP_BLOCK_BYTES;
use crate::log::record::crc32c;

/// The bytes of a backup, a piece at a time: no more than a block is in memory.
pub(crate) struct BackupWriter {
    rows: Arc<dyn Rows>,
    header: Header,
    digest: Context,
    place: Place,
    rows_written: u64,
    bytes_written: u64,
}

/// What comes next.
enum Place {
    Head,
    /// The rows behind this key; from the first one if there is none.
    Rows(Option<Vec<u8>>),
    Trailer,
    End,
}

/// A block as it goes to the file.
struct Block {
    piece: Vec<u8>,
    /// The key of its last row.
    last: Vec<u8>,
}

impl BackupWriter {
    pub(crate) fn new(rows: Arc<dyn Rows>, header: Header) -> Self {
        Self {
            rows,
            header,
            digest: Context::new(&SHA256),
            place: Place::Head,
            rows_written: 0,
            bytes_written: 0,
        }
    }

    /// Rows and bytes of rows so far.
    pub(crate) fn written(&self) -> (u64, u64) {
        (self.rows_written, self.bytes_written)
    }

    /// The next piece; `None` when the backup is whole.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        loop {
            match core::mem::replace(&mut self.place, Place::End) {
                Place::Head => {
                    let piece = self.header.encode()?;
                    self.digest.update(&piece);
                    self.place = Place::Rows(None);
                    return Ok(Some(piece));
                }
                Place::Rows(after) => match self.block(after.as_deref())? {
                    Some(Block { piece, last }) => {
                        self.digest.update(&piece);
                        self.place = Place::Rows(Some(last));
                        return Ok(Some(piece));
                    }
                    None => self.place = Place::Trailer,
                },
                Place::Trailer => return Ok(Some(self.trailer())),
                Place::End => return Ok(None),
            }
        }
    }

    /// The block of the rows behind a key, and its last key.
    fn block(&mut self, after: Option<&[u8]>) -> Result<Option<Block>, BackupError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut body = Vec::with_capacity(BACKUP_BLOCK_BYTES + 16 * 1024);
        let mut count = 0_u32;
        let mut last = None;
        for row in self.rows.scan(from, Bound::Excluded(&[kv::RESERVED_PREFIX])) {
            let (key, value) = row?;
            for part in [&key, &value] {
                let length = u32::try_from(part.len())
                    .map_err(|_| BackupError::TooLong { what: "a row" })?;
                body.extend_from_slice(&length.to_be_bytes());
                body.extend_from_slice(part);
                self.bytes_written += u64::from(length);
            }
            count += 1;
            self.rows_written += 1;
            last = Some(key);
            if body.len() >= BACKUP_BLOCK_BYTES {
                break;
            }
        }
        let Some(last) = last else { return Ok(None) };
        let length = u32::try_from(body.len())
            .map_err(|_| BackupError::TooLong { what: "a block of rows" })?;
        let mut piece = Vec::with_capacity(body.len() + 12);
        piece.extend_from_slice(&length.to_be_bytes());
        piece.extend_from_slice(&count.to_be_bytes());
        piece.extend_from_slice(&body);
        let checksum = crc32c(&piece);
        piece.extend_from_slice(&checksum.to_be_bytes());
        Ok(Some(Block { piece, last }))
    }

    fn trailer(&self) -> Vec<u8> {
        let digest = self.digest.clone().finish();
        let mut piece = Vec::new();
        piece.extend_from_slice(&0_u32.to_be_bytes());
        piece.extend_from_slice(&self.rows_written.to_be_bytes());
        piece.extend_from_slice(&self.bytes_written.to_be_bytes());
        piece.extend_from_slice(digest.as_ref());
        let checksum = crc32c(&piece);
        piece.extend_from_slice(&checksum.to_be_bytes());
        piece
    }
}
