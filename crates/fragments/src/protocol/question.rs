//! Questions to a node about the fragments on its disks.

use erasure::{Code, CodecId};
use serde::{Deserialize, Serialize};
use units::{ByteCount, DiskId, Epoch, FragmentNumber, PartId, StripeNumber};

use super::payload_checksum;
use crate::limits::FRAGMENT_BYTES_MAX;
use crate::{Fragment, FragmentHeader, FragmentName};

/// A fragment's name between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Name {
    part: PartId,
    stripe: StripeNumber,
    fragment: FragmentNumber,
}

impl From<FragmentName> for Name {
    fn from(name: FragmentName) -> Self {
        let FragmentName { part, stripe, fragment } = name;
        Self { part, stripe, fragment }
    }
}

impl From<Name> for FragmentName {
    fn from(name: Name) -> Self {
        let Name { part, stripe, fragment } = name;
        Self { part, stripe, fragment }
    }
}

/// A fragment's header and its payload's length and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arriving {
    name: Name,
    codec: u8,
    data: u8,
    parity: u8,
    stripe_bytes: u32,
    pub(crate) bytes: u32,
    pub(crate) checksum: u32,
}

impl Arriving {
    /// What is said of a fragment; none if it is longer than any may be.
    pub(crate) fn of(fragment: &Fragment) -> Option<Self> {
        let FragmentHeader { name, codec, code, stripe_bytes } = fragment.header;
        let bytes = fragment.payload.len();
        if bytes > FRAGMENT_BYTES_MAX {
            return None;
        }
        Some(Self {
            name: name.into(),
            codec: codec.to_byte(),
            data: code.data(),
            parity: code.parity(),
            stripe_bytes: u32::try_from(stripe_bytes.get()).ok()?,
            bytes: u32::try_from(bytes).ok()?,
            checksum: payload_checksum(&fragment.payload),
        })
    }

    /// The header, if it can be one.
    pub(crate) fn header(&self) -> Option<FragmentHeader> {
        Some(FragmentHeader {
            name: self.name.into(),
            codec: CodecId::from_byte(self.codec).ok()?,
            code: Code::new(self.data, self.parity).ok()?,
            stripe_bytes: ByteCount::new(u64::from(self.stripe_bytes)),
        })
    }

    /// The header of a fragment to be stored: its stripe is no longer than any may be,
    /// and a fragment of it is as long as this one is said to be.
    pub(crate) fn header_to_store(&self) -> Option<FragmentHeader> {
        let header = self.header()?;
        let stripe_bytes = usize::try_from(self.stripe_bytes).ok()?;
        let bytes = header.code.stored_bytes(stripe_bytes, header.name.fragment.get())?;
        let fits = stripe_bytes <= FRAGMENT_BYTES_MAX && bytes == self.bytes as usize;
        fits.then_some(header)
    }
}

/// What is asked. Only ever added to at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Question {
    /// Store these with one sync; their payloads are the body.
    Append { disk: DiskId, arriving: Vec<Arriving> },
    /// Remove all fragments of a part.
    RemovePart { disk: DiskId, part: PartId },
    /// Remove single fragments.
    Remove { disk: DiskId, names: Vec<Name> },
    /// A range of a payload.
    Read { disk: DiskId, name: Name, start: u32, end: u32 },
    /// A whole fragment.
    ReadWhole { disk: DiskId, name: Name },
    /// How long each of these is, if it is there.
    Lengths { disk: DiskId, names: Vec<Name> },
    /// Which disks besides this one have a fragment of that name.
    Holders { name: Name, besides: DiskId },
    /// Names in their order.
    List { disk: DiskId, after: Option<Name>, limit: u32 },
    /// How the disks of the node do.
    Report,
    /// That the node has the bytes: of this range, or all.
    Prove { disk: DiskId, name: Name, nonce: [u8; 32], range: Option<(u32, u32)> },
    /// The same of a range, signed.
    Challenge { disk: DiskId, name: Name, start: u32, end: u32, nonce: [u8; 32], epoch: Epoch },
}
