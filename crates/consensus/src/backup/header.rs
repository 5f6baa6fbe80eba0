//! The head of a backup: whose it is and of which log entry.

use units::{ClusterId, Timestamp};

use crate::backup::{BackupError, RestoreError};
use crate::log::record::{self, EntryId, Fields, crc32c};
use crate::types::StoredMembership;

/// First bytes of every backup.
pub(crate) const MAGIC: [u8; 8] = *b"ESSAIMBK";
/// Format written and read by this version.
pub(crate) const FORMAT: u32 = 1;
/// Bytes up to and including the length of the membership.
pub(crate) const FIXED_BYTES: usize = 8 + 4 + 16 + 8 + 1 + 32 + 8 + 4;
/// Longest membership accepted.
pub(crate) const MEMBERSHIP_BYTES_MAX: usize = 1024 * 1024;

/// What the head of a backup says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) cluster: ClusterId,
    pub(crate) made: Timestamp,
    pub(crate) last: Option<EntryId>,
    pub(crate) stamped: Timestamp,
    pub(crate) membership: StoredMembership,
}

impl Header {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, BackupError> {
        let too_long = BackupError::TooLong { what: "the membership" };
        let Ok(membership) = postcard::to_stdvec(&self.membership) else { return Err(too_long) };
        if membership.len() > MEMBERSHIP_BYTES_MAX {
            return Err(too_long);
        }
        let mut out = Vec::with_capacity(FIXED_BYTES + membership.len() + 4);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&self.cluster.to_bytes());
        out.extend_from_slice(&self.made.micros().to_be_bytes());
        out.push(u8::from(self.last.is_some()));
        record::put_id(&self.last.unwrap_or_default(), &mut out);
        out.extend_from_slice(&self.stamped.micros().to_be_bytes());
        let length = u32::try_from(membership.len()).map_err(|_| too_long)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&membership);
        let checksum = crc32c(&out);
        out.extend_from_slice(&checksum.to_be_bytes());
        Ok(out)
    }

    /// How long the membership is, from the fixed bytes; checks magic and format.
    pub(crate) fn membership_bytes(fixed: &[u8; FIXED_BYTES]) -> Result<usize, RestoreError> {
        let mut fields = Fields(fixed);
        let damaged = |reason| RestoreError::Damaged { offset: 0, reason };
        if fields.take::<8>().map_err(|fault| damaged(fault.0))? != MAGIC {
            return Err(damaged("this is no backup of a catalog"));
        }
        let format = u32::from_be_bytes(fields.take().map_err(|fault| damaged(fault.0))?);
        if format != FORMAT {
            return Err(RestoreError::Format { found: format, expected: FORMAT });
        }
        let length = fixed.last_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        match usize::try_from(length) {
            Ok(length) if length <= MEMBERSHIP_BYTES_MAX => Ok(length),
            _ => Err(damaged("the membership is too long")),
        }
    }

    /// Reads a head whose length is already known.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RestoreError> {
        let damaged = |reason| RestoreError::Damaged { offset: 0, reason };
        let Some((covered, checksum)) = bytes.split_last_chunk::<4>() else {
            return Err(damaged("the header is cut short"));
        };
        if crc32c(covered) != u32::from_be_bytes(*checksum) {
            return Err(damaged("the checksum of the header does not match"));
        }
        Self::take(covered).map_err(|fault| damaged(fault.0))
    }

    fn take(bytes: &[u8]) -> Result<Self, record::Fault> {
        let mut fields = Fields(bytes);
        fields.take::<12>()?;
        let cluster = ClusterId::from_bytes(fields.take()?);
        let made = Timestamp::from_micros(i64::from_be_bytes(fields.take()?));
        let has_last = fields.take::<1>()? == [1];
        let id = record::take_id(&mut fields)?;
        let stamped = Timestamp::from_micros(i64::from_be_bytes(fields.take()?));
        fields.take::<4>()?;
        let membership = postcard::from_bytes(fields.0)
            .map_err(|_| record::Fault("the membership cannot be read"))?;
        Ok(Self { cluster, made, last: has_last.then_some(id), stamped, membership })
    }
}
