//! Answers of a node about the fragments on its disks.

use serde::{Deserialize, Serialize};
use units::{ByteCount, DiskId, Signature, Timestamp};

use super::question::{Arriving, Name};
use crate::limits::{DISKS_REPORTED_MAX, REASON_BYTES_MAX};
use crate::{
    CustodyProof, DiskReport, DiskSpace, DiskState, Holding, Listed, NodeReport, Poison, ReadError,
    WriteError,
};

/// What is answered. Only ever added to at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is stored, durably.
    Stored,
    /// So many were removed, durably.
    Removed { count: u64 },
    /// The bytes asked for are the body.
    Bytes { bytes: u32, checksum: u32 },
    /// The fragment's payload is the body.
    Whole { fragment: Arriving },
    /// The length of each, if it is there.
    Lengths { lengths: Vec<Option<u32>> },
    /// These disks have it.
    Holders { disks: Vec<DiskId> },
    /// Names with the lengths of their payloads.
    Listed { page: Vec<(Name, u32)> },
    /// How the disks do.
    Report { disks: Vec<DiskWords>, missing: Vec<DiskId> },
    /// What only somebody with the bytes can say.
    Proof { proof: [u8; 32] },
    /// It was not done, or did not work out.
    Failed { fault: Fault },
    /// What the node says of a range, signed.
    Signed { holding: HoldingWord, at: Timestamp, signature: Signature },
}

/// What a node says of a range. Only ever added to at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HoldingWord {
    Held { proof: [u8; 32] },
    Missing,
    Damaged,
}

impl From<Holding> for HoldingWord {
    fn from(holding: Holding) -> Self {
        match holding {
            Holding::Held(proof) => Self::Held { proof: proof.0 },
            Holding::Missing => Self::Missing,
            Holding::Damaged => Self::Damaged,
        }
    }
}

impl From<HoldingWord> for Holding {
    fn from(word: HoldingWord) -> Self {
        match word {
            HoldingWord::Held { proof } => Self::Held(CustodyProof(proof)),
            HoldingWord::Missing => Self::Missing,
            HoldingWord::Damaged => Self::Damaged,
        }
    }
}

/// What went wrong there. Only ever added to at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    NoSuchDisk,
    Full,
    Poisoned,
    TooManyOpen,
    Hanging,
    Stopped,
    /// The disk failed; in words.
    Disk {
        reason: String,
    },
    NotFound,
    OutOfRange {
        bytes: u64,
        wanted: u64,
    },
    Damaged,
    /// What arrived is not what was sent.
    Garbled,
    /// Not done for another reason; in words.
    Refused {
        reason: String,
    },
}

impl Answer {
    /// A fault as an answer.
    pub(crate) const fn failed(fault: Fault) -> Self {
        Self::Failed { fault }
    }

    /// A page of names.
    pub(crate) fn listed(page: &[Listed]) -> Self {
        let word = |listed: &Listed| (listed.name.into(), length(listed.bytes));
        Self::Listed { page: page.iter().map(word).collect() }
    }

    /// How the disks of a node do; those beyond the limit are left out.
    pub(crate) fn report(report: &NodeReport) -> Self {
        let disks = report.disks.iter().take(DISKS_REPORTED_MAX).map(DiskWords::of).collect();
        let missing = report.missing.iter().take(DISKS_REPORTED_MAX).copied().collect();
        Self::Report { disks, missing }
    }
}

/// A length of a fragment, which is stored in 32 bits.
pub(crate) fn length(bytes: ByteCount) -> u32 {
    u32::try_from(bytes.get()).unwrap_or(u32::MAX)
}

/// Words for an operator, not longer than a head has room for.
pub(crate) fn in_words(error: &dyn core::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    let end = (0..=REASON_BYTES_MAX.min(words.len())).rev().find(|at| words.is_char_boundary(*at));
    words.truncate(end.unwrap_or(0));
    words
}

impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NoSuchDisk { .. } => Self::NoSuchDisk,
            WriteError::Full => Self::Full,
            WriteError::Poisoned => Self::Poisoned,
            WriteError::TooManyOpen => Self::TooManyOpen,
            WriteError::Hanging => Self::Hanging,
            WriteError::Stopped => Self::Stopped,
            WriteError::TooLong { .. } => Self::Refused { reason: in_words(&error) },
            other => Self::Disk { reason: in_words(&other) },
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoSuchDisk { .. } => Self::NoSuchDisk,
            ReadError::NotFound { .. } => Self::NotFound,
            ReadError::OutOfRange { bytes, wanted, .. } => {
                Self::OutOfRange { bytes: bytes.get(), wanted }
            }
            ReadError::Damaged { .. } => Self::Damaged,
            ReadError::Stopped => Self::Stopped,
            ReadError::TooManyOpen { .. } => Self::TooManyOpen,
            ReadError::Hanging { .. } => Self::Hanging,
            other => Self::Disk { reason: in_words(&other) },
        }
    }
}

/// How one disk does, between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DiskWords {
    disk: DiskId,
    state: StateWord,
    poison: Option<PoisonWord>,
    space: Option<SpaceWords>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum StateWord {
    Healthy,
    Full,
    Poisoned,
    Hanging,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum PoisonWord {
    Failed,
    ReadOnly,
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SpaceWords {
    total: u64,
    available: u64,
    live: u64,
    dead: u64,
    fragments: u64,
    segments: u64,
}

impl DiskWords {
    fn of(report: &DiskReport) -> Self {
        Self {
            disk: report.disk,
            state: match report.state {
                DiskState::Healthy => StateWord::Healthy,
                DiskState::Full => StateWord::Full,
                DiskState::Poisoned => StateWord::Poisoned,
                DiskState::Hanging => StateWord::Hanging,
            },
            poison: report.poison.map(|poison| match poison {
                Poison::Failed => PoisonWord::Failed,
                Poison::ReadOnly => PoisonWord::ReadOnly,
                Poison::Gone => PoisonWord::Gone,
            }),
            space: report.space.map(|space| SpaceWords {
                total: space.total.get(),
                available: space.available.get(),
                live: space.live.get(),
                dead: space.dead.get(),
                fragments: space.fragments,
                segments: space.segments,
            }),
        }
    }

    /// What it says.
    pub(crate) fn report(&self) -> DiskReport {
        DiskReport {
            disk: self.disk,
            state: match self.state {
                StateWord::Healthy => DiskState::Healthy,
                StateWord::Full => DiskState::Full,
                StateWord::Poisoned => DiskState::Poisoned,
                StateWord::Hanging => DiskState::Hanging,
            },
            poison: self.poison.map(|poison| match poison {
                PoisonWord::Failed => Poison::Failed,
                PoisonWord::ReadOnly => Poison::ReadOnly,
                PoisonWord::Gone => Poison::Gone,
            }),
            space: self.space.map(|space| DiskSpace {
                disk: self.disk,
                total: ByteCount::new(space.total),
                available: ByteCount::new(space.available),
                live: ByteCount::new(space.live),
                dead: ByteCount::new(space.dead),
                fragments: space.fragments,
                segments: space.segments,
            }),
        }
    }
}
