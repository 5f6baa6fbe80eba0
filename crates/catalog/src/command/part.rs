//! Commands about parts and where their fragments are.

use serde::{Deserialize, Serialize};
use units::{BucketId, ByteCount, DiskId, FragmentNumber, PartId, planted};

use crate::record::PartRow;
use units::Timestamp;

/// Where the fragments of a part that was just written are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLayout {
    /// Plaintext bytes of every stripe but the last.
    pub stripe_bytes: u32,
    /// How many stripes.
    pub stripe_count: u32,
    /// Which erasure codec.
    pub codec: u8,
    /// Data fragments per stripe.
    pub data: u8,
    /// Parity fragments per stripe.
    pub parity: u8,
    /// The disk of each fragment slot, data first.
    pub slots: Vec<DiskId>,
}

impl PartCut {
    /// That of a part as its row has it.
    pub fn of(row: &PartRow) -> Self {
        let PartRow { codec, data, parity, .. } = *row;
        Self { codec, data, parity, slots: row.slots.clone() }
    }

    /// The row of a part that is cut so, and the same in all else.
    #[must_use]
    pub fn applied(&self, row: &PartRow) -> PartRow {
        let Self { codec, data, parity, .. } = *self;
        PartRow { codec, data, parity, slots: self.slots.clone(), ..row.clone() }
    }
}

impl PartLayout {
    /// The part's row, with its first reference.
    pub(crate) fn row(&self, size: ByteCount, bucket: BucketId, at: Timestamp) -> PartRow {
        PartRow {
            size,
            stripe_bytes: self.stripe_bytes,
            stripe_count: self.stripe_count,
            codec: self.codec,
            data: self.data,
            parity: self.parity,
            slots: self.slots.clone(),
            references: 1,
            created: at,
            released: None,
            buckets: if planted::is_on("catalog-parts-of-nobody") { vec![] } else { vec![bucket] },
        }
    }
}

/// Gives a part that is kept whole in each of its slots one copy more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartCopyAdd {
    /// Which part.
    pub part: PartId,
    /// How many copies it must still have.
    pub copies: u8,
    /// The disk of the new one.
    pub to: DiskId,
}

/// Changes where a part lies, if it lies where that was decided on: another slot that
/// moved meanwhile may lie just where this one goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartStep {
    /// Which part.
    pub part: PartId,
    /// The disk of each slot, as it must still be.
    pub slots: Vec<DiskId>,
    /// What becomes of it.
    pub change: PartChange,
}

/// One change of where a part lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartChange {
    /// A slot is on another disk.
    Move {
        /// Which slot.
        slot: FragmentNumber,
        /// Its disk from now on.
        to: DiskId,
    },
    /// There is one copy more of what is kept whole in each slot.
    Copy {
        /// The disk of the new one.
        to: DiskId,
    },
}

/// How a part is cut, and where its fragments are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartCut {
    /// Which erasure codec.
    pub codec: u8,
    /// Data fragments per stripe.
    pub data: u8,
    /// Parity fragments per stripe.
    pub parity: u8,
    /// The disk of each fragment slot, data first.
    pub slots: Vec<DiskId>,
}

/// Says that a part has another code, of which all fragments were written beside those it
/// has, if it is cut and lies as was decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecut {
    /// Which part.
    pub part: PartId,
    /// How it must still be cut, and where it must still lie.
    pub from: PartCut,
    /// How it is cut from now on, and where it lies. The slots are not those it had: so
    /// whoever names the slots of a part names its cut as well.
    pub to: PartCut,
}

/// Notes that a bucket refers to parts that were written before parts said whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartBucketsNote {
    /// The bucket.
    pub bucket: BucketId,
    /// The parts.
    pub parts: Vec<PartId>,
}

/// Moves one fragment slot of a part to another disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSlotMove {
    /// Which part.
    pub part: PartId,
    /// Which slot.
    pub slot: FragmentNumber,
    /// The disk it must still be on.
    pub from: DiskId,
    /// The disk it is on from now on.
    pub to: DiskId,
}
