//! One record of the log.
//!
//! ```text
//!  0        4        8    9      12               20               28
//! +--------+--------+----+-------+----------------+----------------+---------
//! | crc32c | length |kind| zero  | ordinal        | synced         | payload
//! +--------+--------+----+-------+----------------+----------------+---------
//! ```
//! Big-endian. The checksum covers the salt of the segment ([`Salt`]) and everything
//! after itself, payload included.
//! *ordinal* counts the records of the whole log, so that none can be missing or
//! stale. *synced* is how many bytes of this segment were known to be durable
//! when the record was written: a bad record in front of that point is damage,
//! behind it is the torn tail of an append that was never acknowledged.
//!
//! | kind | payload |
//! |---|---|
//! | 1 entry | id (term 8, node 16, index 8), body |
//! | 2 vote | term 8, node 16, committed 1 |
//! | 3 committed | nothing, or an id |
//! | 4 truncate | index 8: this entry and all later ones are void |
//! | 5 purge | id: this entry and all earlier ones are not needed any more |
//! | 6 close | nothing: the log was closed in order |

use openraft::{CommittedLeaderId, LogId, Vote};
use units::NodeId;

use crate::limits::RECORD_BYTES_MAX;
use crate::log::{LogError, Salt};
use crate::member::Member;

/// The id of an entry: the leader that made it, and its index.
pub type EntryId = LogId<Member>;
/// A vote cast or won.
pub type Ballot = Vote<Member>;

/// Bytes in front of a payload.
pub const FRAME_BYTES: usize = 28;
/// Bytes of an entry's id.
pub const ENTRY_ID_BYTES: usize = 32;

const KIND_ENTRY: u8 = 1;
const KIND_VOTE: u8 = 2;
const KIND_COMMITTED: u8 = 3;
const KIND_TRUNCATE: u8 = 4;
const KIND_PURGE: u8 = 5;
const KIND_CLOSE: u8 = 6;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An entry and its encoded body.
    Entry {
        /// Its id.
        id: EntryId,
        /// Its body; what is in it is not the log's business.
        body: &'a [u8],
    },
    /// A vote cast or won.
    Vote(Ballot),
    /// How far entries are known to be committed.
    Committed(Option<EntryId>),
    /// This entry and all later ones are void.
    Truncate {
        /// The first void entry.
        from: u64,
    },
    /// This entry and all earlier ones are not needed any more.
    Purge(EntryId),
    /// The log was closed in order.
    Close,
}

/// A record as found, with what its frame says.
#[derive(Clone, Copy, Debug)]
pub struct Framed<'a> {
    /// The record.
    pub record: Record<'a>,
    /// Its number in the whole log.
    pub ordinal: u64,
    /// How much of the segment was durable when it was written.
    pub synced: u64,
    /// Bytes of frame and payload.
    pub length: usize,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(
    /// In words, for the operator.
    pub &'static str,
);

/// The CRC-32C (Castagnoli) of some bytes.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Appends the encoded record to `out`, which is meant for the segment with this salt.
pub fn encode(
    record: &Record<'_>,
    ordinal: u64,
    synced: u64,
    salt: Salt,
    out: &mut Vec<u8>,
) -> Result<(), LogError> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&[kind_of(record), 0, 0, 0]);
    out.extend_from_slice(&ordinal.to_be_bytes());
    out.extend_from_slice(&synced.to_be_bytes());
    put_payload(record, out);
    let bytes = out.len() - start - FRAME_BYTES;
    let length = match u32::try_from(bytes) {
        Ok(length) if bytes <= RECORD_BYTES_MAX => length,
        _ => {
            out.truncate(start);
            return Err(LogError::TooLong { bytes });
        }
    };
    if let Some(slot) = out.get_mut(start + 4..start + 8) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
    let checksum = salt.checksum(out.get(start + 4..).unwrap_or_default());
    if let Some(slot) = out.get_mut(start..start + 4) {
        slot.copy_from_slice(&checksum.to_be_bytes());
    }
    Ok(())
}

fn kind_of(record: &Record<'_>) -> u8 {
    match record {
        Record::Entry { .. } => KIND_ENTRY,
        Record::Vote(_) => KIND_VOTE,
        Record::Committed(_) => KIND_COMMITTED,
        Record::Truncate { .. } => KIND_TRUNCATE,
        Record::Purge(_) => KIND_PURGE,
        Record::Close => KIND_CLOSE,
    }
}

fn put_payload(record: &Record<'_>, out: &mut Vec<u8>) {
    match record {
        Record::Entry { id, body } => {
            put_id(id, out);
            out.extend_from_slice(body);
        }
        Record::Vote(vote) => {
            out.extend_from_slice(&vote.leader_id.term.to_be_bytes());
            out.extend_from_slice(&vote.leader_id.node_id.node().to_bytes());
            out.push(u8::from(vote.committed));
        }
        Record::Committed(None) | Record::Close => {}
        Record::Committed(Some(id)) | Record::Purge(id) => put_id(id, out),
        Record::Truncate { from } => out.extend_from_slice(&from.to_be_bytes()),
    }
}

/// Appends the 32 bytes of an id.
pub(crate) fn put_id(id: &EntryId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.leader_id.term.to_be_bytes());
    out.extend_from_slice(&id.leader_id.node_id.node().to_bytes());
    out.extend_from_slice(&id.index.to_be_bytes());
}

/// Decodes the record that `bytes`, of the segment with this salt, begin with. `None` is
/// the end of the log: nothing, or a frame of zeros, which is room for records to come;
/// the room for less than a frame may be zeros too.
pub fn decode(bytes: &[u8], salt: Salt) -> Result<Option<Framed<'_>>, Fault> {
    if bytes.iter().take(FRAME_BYTES).all(|byte| *byte == 0) {
        return Ok(None);
    }
    let Some((frame, rest)) = bytes.split_first_chunk::<FRAME_BYTES>() else {
        return Err(Fault("the frame is cut short"));
    };
    let mut fields = Fields(frame);
    let checksum = u32::from_be_bytes(fields.take()?);
    let length = u32::from_be_bytes(fields.take()?) as usize;
    let [kind, zeros @ ..] = fields.take::<4>()?;
    let ordinal = u64::from_be_bytes(fields.take()?);
    let synced = u64::from_be_bytes(fields.take()?);
    if length > RECORD_BYTES_MAX || zeros != [0; 3] || !(KIND_ENTRY..=KIND_CLOSE).contains(&kind) {
        return Err(Fault("the frame makes no sense"));
    }
    let Some(payload) = rest.get(..length) else {
        return Err(Fault("the payload is cut short"));
    };
    let covered = bytes.get(4..FRAME_BYTES + length).unwrap_or_default();
    if salt.checksum(covered) != checksum {
        return Err(Fault("the checksum does not match"));
    }
    let record = take_payload(kind, payload)?;
    Ok(Some(Framed { record, ordinal, synced, length: FRAME_BYTES + length }))
}

fn take_payload(kind: u8, payload: &[u8]) -> Result<Record<'_>, Fault> {
    let mut fields = Fields(payload);
    let record = match kind {
        KIND_ENTRY => {
            let id = take_id(&mut fields)?;
            return Ok(Record::Entry { id, body: fields.0 });
        }
        KIND_VOTE => {
            let term = u64::from_be_bytes(fields.take()?);
            let node = Member::new(NodeId::from_bytes(fields.take()?));
            let committed = match fields.take::<1>()? {
                [0] => false,
                [1] => true,
                _ => return Err(Fault("the vote makes no sense")),
            };
            let mut vote = Vote::new(term, node);
            vote.committed = committed;
            Record::Vote(vote)
        }
        KIND_COMMITTED if payload.is_empty() => Record::Committed(None),
        KIND_COMMITTED => Record::Committed(Some(take_id(&mut fields)?)),
        KIND_TRUNCATE => Record::Truncate { from: u64::from_be_bytes(fields.take()?) },
        KIND_PURGE => Record::Purge(take_id(&mut fields)?),
        KIND_CLOSE => Record::Close,
        _ => return Err(Fault("the kind is unknown")),
    };
    if fields.0.is_empty() { Ok(record) } else { Err(Fault("the payload is too long")) }
}

pub(crate) fn take_id(fields: &mut Fields<'_>) -> Result<EntryId, Fault> {
    let term = u64::from_be_bytes(fields.take()?);
    let node = Member::new(NodeId::from_bytes(fields.take()?));
    let index = u64::from_be_bytes(fields.take()?);
    Ok(LogId::new(CommittedLeaderId::new(term, node), index))
}

/// Bytes being taken apart from the front.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    /// The next `N` bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) =
            self.0.split_first_chunk::<N>().ok_or(Fault("the payload is cut short"))?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u64) -> EntryId {
        LogId::new(CommittedLeaderId::new(3, Member::from(7)), index)
    }

    #[test]
    fn every_kind_round_trips() {
        let mut vote = Vote::new(9, Member::from(4));
        vote.committed = true;
        for record in [
            Record::Entry { id: id(5), body: b"body" },
            Record::Entry { id: id(0), body: b"" },
            Record::Vote(vote),
            Record::Committed(None),
            Record::Committed(Some(id(8))),
            Record::Truncate { from: 12 },
            Record::Purge(id(2)),
            Record::Close,
        ] {
            let salt = Salt::draw(&units::SimRandom::seeded(1));
            let mut bytes = Vec::new();
            encode(&record, 77, 1234, salt, &mut bytes).expect("encodes");
            bytes.extend_from_slice(b"what follows");
            let framed = decode(&bytes, salt).expect("decodes").expect("a record");
            assert_eq!(framed.record, record);
            assert_eq!((framed.ordinal, framed.synced), (77, 1234));
            assert_eq!(framed.length, bytes.len() - 12);
            let elsewhere = Salt::draw(&units::SimRandom::seeded(2));
            assert!(decode(&bytes, elsewhere).is_err(), "a record of another segment");
            assert!(decode(&bytes, Salt::NONE).is_err(), "a record without a salt");
        }
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let mut bytes = Vec::new();
        encode(&Record::Entry { id: id(5), body: b"body" }, 1, 2, Salt::NONE, &mut bytes)
            .expect("encodes");
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << bit;
                assert!(decode(&damaged, Salt::NONE).is_err(), "byte {place} bit {bit}");
            }
        }
    }

    #[test]
    fn a_shorter_record_is_no_record() {
        let mut bytes = Vec::new();
        encode(&Record::Purge(id(5)), 1, 2, Salt::NONE, &mut bytes).expect("encodes");
        for length in 1..bytes.len() {
            assert!(decode(&bytes[..length], Salt::NONE).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn zeros_are_the_end() {
        assert!(decode(&[], Salt::NONE).expect("the end").is_none());
        for length in [1, FRAME_BYTES - 1, FRAME_BYTES, 100] {
            assert!(
                decode(&vec![0; length], Salt::NONE).expect("the end").is_none(),
                "{length} zeros"
            );
        }
    }
}
