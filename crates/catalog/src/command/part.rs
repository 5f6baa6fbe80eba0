//! Commands about parts and where their fragments are.

use serde::{Deserialize, Serialize};
use units::{ByteCount, DiskId, FragmentNumber, PartId};

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

impl PartLayout {
    /// The part's row, with its first reference.
    pub(crate) fn row(&self, size: ByteCount, at: Timestamp) -> PartRow {
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
