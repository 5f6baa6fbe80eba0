//! One segment file: a header and a run of records.
//!
//! ```text
//!  0          8        12         28       36         44      52     60    64
//! +----------+--------+----------+--------+----------+-------+------+-----+---
//! | ESSAIMLG | format | cluster  | number | ordinal  | next  | salt | crc | records
//! +----------+--------+----------+--------+----------+-------+------+-----+---
//! ```
//! Big-endian. *number* is the file's own, also in its name; *ordinal* that of
//! its first record; *next* the index of the first entry it may hold. The first
//! records repeat the vote, the committed and the purged position, so that a
//! segment stands without those before it. *salt* goes into the checksum of every record,
//! not of the header ([`Salt`]); in format 1, which is read for ever, it is zero. A log
//! whose newest segment is of format 1 goes on in it until it is full.
//!
//! A segment gets its name only when its header and these records are durable:
//! under its final name a segment without a valid header is damage.
//!
//! **Invariant**: what proves that a torn record was synced has a checksum with this
//! segment's salt, which nobody can know who sends what is written. Without it a key that
//! holds the bytes of a record would forbid the start after a power cut.

use units::ClusterId;

use crate::log::record::{self, Fields, Framed, crc32c};
use crate::log::{LogError, Salt};

/// First bytes of every segment.
pub const MAGIC: [u8; 8] = *b"ESSAIMLG";
/// Format written by this version, and the newest that it reads.
pub const FORMAT: u32 = 2;
/// The format without a salt.
const FORMAT_UNSALTED: u32 = 1;
/// Length of the header.
pub const HEADER_BYTES: usize = 64;

const NAME_PREFIX: &str = "segment-";
/// Ending of a segment that is still being made.
pub(crate) const NEW_SUFFIX: &str = ".new";

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The cluster whose log this is.
    pub cluster: ClusterId,
    /// The segment's number; they follow each other without gaps.
    pub number: u64,
    /// Ordinal of the first record.
    pub ordinal: u64,
    /// Index of the first entry that it may hold.
    pub next_index: u64,
    /// What goes into the checksums of its records; none in format 1.
    pub salt: Salt,
}

/// The name of a segment's file.
pub fn name(number: u64) -> String {
    format!("{NAME_PREFIX}{number:016}")
}

/// The number in a file's name, if it is one of a segment.
pub fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(NAME_PREFIX)?;
    (digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

impl Header {
    /// The 64 bytes: of format 1 if there is no salt.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        let format = if self.salt == Salt::NONE { FORMAT_UNSALTED } else { FORMAT };
        bytes.extend_from_slice(&format.to_be_bytes());
        bytes.extend_from_slice(&self.cluster.to_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.ordinal.to_be_bytes());
        bytes.extend_from_slice(&self.next_index.to_be_bytes());
        bytes.extend_from_slice(&self.salt.to_bytes());
        let checksum = crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Reads and checks the header of `file`, which must belong to `cluster`.
    pub fn decode(
        bytes: &[u8],
        file: &str,
        number: u64,
        cluster: ClusterId,
    ) -> Result<Self, LogError> {
        let damaged = |reason: &str| LogError::Damaged {
            file: file.to_owned(),
            offset: 0,
            reason: reason.to_owned(),
        };
        let short = |_| damaged("the header is cut short");
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(damaged("the header is cut short"));
        };
        let mut fields = Fields(header);
        if fields.take::<8>().map_err(short)? != MAGIC {
            return Err(damaged("this is no log segment"));
        }
        let format = u32::from_be_bytes(fields.take().map_err(short)?);
        let found = ClusterId::from_bytes(fields.take().map_err(short)?);
        let header_number = u64::from_be_bytes(fields.take().map_err(short)?);
        let ordinal = u64::from_be_bytes(fields.take().map_err(short)?);
        let next_index = u64::from_be_bytes(fields.take().map_err(short)?);
        let salt = Salt::from_bytes(fields.take().map_err(short)?);
        let checksum = u32::from_be_bytes(fields.take().map_err(short)?);
        if crc32c(header.get(..HEADER_BYTES - 4).unwrap_or_default()) != checksum {
            return Err(damaged("the checksum of the header does not match"));
        }
        let salt = match format {
            FORMAT_UNSALTED => Salt::NONE,
            FORMAT if salt == Salt::NONE => return Err(damaged("the header has no salt")),
            FORMAT => salt,
            found => {
                let file = file.to_owned();
                return Err(LogError::Format { file, found, expected: FORMAT });
            }
        };
        if found != cluster {
            let file = file.to_owned();
            return Err(LogError::OtherCluster { file, found, expected: cluster });
        }
        if header_number != number {
            return Err(damaged("the header names another segment"));
        }
        Ok(Self { cluster: found, number, ordinal, next_index, salt })
    }
}

/// Walks over the records of a segment's bytes, whose header is this one, handing
/// each with its offset to `visit`. Returns where the records end.
///
/// With `may_be_torn`, which holds for the newest segment only, a bad record is
/// the end if nothing behind it proves that it had been durable.
pub fn walk<'a>(
    bytes: &'a [u8],
    file: &str,
    header: &Header,
    may_be_torn: bool,
    mut visit: impl FnMut(u64, Framed<'a>) -> Result<(), LogError>,
) -> Result<(u64, u64), LogError> {
    let mut offset = HEADER_BYTES;
    let Header { mut ordinal, salt, .. } = *header;
    let damaged = |offset: usize, reason: &str| LogError::Damaged {
        file: file.to_owned(),
        offset: offset as u64,
        reason: reason.to_owned(),
    };
    loop {
        let rest = bytes.get(offset..).unwrap_or_default();
        let reason = match record::decode(rest, salt) {
            Ok(Some(framed)) if framed.ordinal == ordinal => {
                visit(offset as u64, framed)?;
                offset += framed.length;
                ordinal += 1;
                continue;
            }
            Ok(Some(_)) => "a record is out of order",
            Ok(None) if rest.iter().all(|byte| *byte == 0) => break,
            Ok(None) => "records follow a hole",
            Err(fault) => fault.0,
        };
        if !may_be_torn {
            return Err(damaged(offset, reason));
        }
        if units::planted::is_on("consensus-cut-off-damage") {
            break;
        }
        if is_proved_durable(rest, offset as u64, ordinal, salt) {
            return Err(damaged(offset, &format!("{reason}, and a later record proves it synced")));
        }
        break;
    }
    Ok((offset as u64, ordinal))
}

/// Whether some intact record behind a bad one says that the bad one was synced. Where the
/// bad one ends is not known, so every byte may be where a record begins, those that a
/// client chose among them: only the salt tells records from what looks like them.
fn is_proved_durable(rest: &[u8], bad_offset: u64, bad_ordinal: u64, salt: Salt) -> bool {
    (1..rest.len()).any(|distance| {
        let Some(tail) = rest.get(distance..) else { return false };
        let Ok(Some(framed)) = record::decode(tail, salt) else { return false };
        framed.ordinal > bad_ordinal
            && framed.synced > bad_offset
            && framed.synced <= bad_offset + distance as u64
    })
}
