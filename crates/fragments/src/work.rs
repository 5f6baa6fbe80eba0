//! A request to the writer, prepared on the caller's side: the checksums are
//! computed before it waits for its turn.

use units::{ByteCount, PartId};

use crate::limits::FRAGMENT_BYTES_MAX;
use crate::record::{Draft, DraftKind};
use crate::{Fragment, FragmentName, WriteError, checksum, limits};

/// What one request asks the writer for.
#[derive(Clone, Debug)]
pub struct Work(pub(crate) Vec<Draft>);

impl Work {
    /// Stores fragments; computes their checksums.
    pub fn append(fragments: Vec<Fragment>) -> Result<Self, WriteError> {
        fragments.into_iter().map(draft).collect::<Result<_, _>>().map(Self)
    }

    /// Removes all fragments of a part.
    pub fn remove_part(part: PartId) -> Self {
        Self(vec![Draft::removal(DraftKind::PartRemoved { part, before: None })])
    }

    /// Removes single fragments.
    pub fn remove(names: Vec<FragmentName>) -> Self {
        let kind = |name| DraftKind::FragmentRemoved { name, before: None };
        Self(names.into_iter().map(|name| Draft::removal(kind(name))).collect())
    }

    /// Bytes it takes in a commit.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(Draft::record_bytes).sum()
    }

    /// Whether it needs room for fragments; otherwise it removes.
    pub(crate) fn appends(&self) -> bool {
        self.0.iter().any(|draft| matches!(draft.kind, DraftKind::Fragment(_)))
    }
}

fn draft(fragment: Fragment) -> Result<Draft, WriteError> {
    let Fragment { header, payload } = fragment;
    let bytes = payload.len();
    if bytes > FRAGMENT_BYTES_MAX || u32::try_from(header.stripe_bytes.get()).is_err() {
        return Err(WriteError::TooLong {
            name: header.name,
            bytes: ByteCount::new(bytes as u64),
            limit: ByteCount::new(FRAGMENT_BYTES_MAX as u64),
        });
    }
    Ok(Draft {
        kind: DraftKind::Fragment(header),
        checksums: checksum::block_checksums(&payload),
        block_bytes: BLOCK_BYTES,
        payload,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "checked at compile time below")]
const BLOCK_BYTES: u32 = limits::BLOCK_BYTES as u32;
const _: () = assert!(BLOCK_BYTES as usize == limits::BLOCK_BYTES, "block lengths are 32 bits");
