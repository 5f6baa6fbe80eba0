//! What trials saw, and which kinds of event they must have seen to count.

/// What can happen in a trial; each is counted when it took place for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object was put.
    Put,
    /// A range was read and was right.
    Range,
    /// An object was deleted by its key.
    Delete,
    /// An object was copied.
    Copy,
    /// An object was put in parts.
    Multipart,
    /// An upload was left open, with a part in it.
    UploadOpened,
    /// An upload left open was completed, perhaps in another life.
    UploadCompleted,
    /// An upload left open was given up.
    UploadAborted,
    /// A body shorter than announced was refused.
    Truncated,
    /// An older version was deleted for good.
    VersionDeleted,
    /// A version was put under a legal hold.
    HoldSet,
    /// A legal hold was lifted.
    HoldLifted,
    /// A version under legal hold was not deleted.
    HoldKept,
    /// A retention was set, prolonged, or replaced by who may.
    RetentionSet,
    /// A retention was not shortened or taken away.
    RetentionKept,
    /// A version under compliance was not deleted, though bypass was asked for.
    ComplianceKept,
    /// A version under governance was not deleted.
    GovernanceKept,
    /// A version under governance was deleted by who may.
    GovernanceBypassed,
    /// A version was deleted after its retention had ended.
    RetentionEnded,
    /// A lifecycle rule ended an object.
    Expired,
    /// The steward condemned what was abandoned.
    DutyAbandoned,
    /// The steward cleaned up.
    DutyCleanUp,
    /// The steward swept for orphans.
    DutyOrphans,
    /// The steward scrubbed.
    DutyScrub,
    /// The steward compacted.
    DutyCompaction,
    /// The steward evaluated lifecycle rules.
    DutyLifecycle,
    /// The power was cut: in the middle of a verb, or between two.
    Cut,
    /// An operation of a disk was made to fail.
    Fault,
    /// A start without one of the disks.
    Pulled,
    /// A bit of a fragment was flipped.
    Flipped,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 30] = [
        Self::Put,
        Self::Range,
        Self::Delete,
        Self::Copy,
        Self::Multipart,
        Self::UploadOpened,
        Self::UploadCompleted,
        Self::UploadAborted,
        Self::Truncated,
        Self::VersionDeleted,
        Self::HoldSet,
        Self::HoldLifted,
        Self::HoldKept,
        Self::RetentionSet,
        Self::RetentionKept,
        Self::ComplianceKept,
        Self::GovernanceKept,
        Self::GovernanceBypassed,
        Self::RetentionEnded,
        Self::Expired,
        Self::DutyAbandoned,
        Self::DutyCleanUp,
        Self::DutyOrphans,
        Self::DutyScrub,
        Self::DutyCompaction,
        Self::DutyLifecycle,
        Self::Cut,
        Self::Fault,
        Self::Pulled,
        Self::Flipped,
    ];
}

/// What trials saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrialReport {
    /// Verbs that were acknowledged.
    pub acknowledged: u64,
    /// Verbs whose outcome was lost.
    pub unknown: u64,
    /// Keys and versions read back after a start.
    pub verified: u64,
    kinds: [u64; Kind::ALL.len()],
}

impl TrialReport {
    /// How often this happened.
    pub fn count(&self, kind: Kind) -> u64 {
        self.kinds[kind as usize]
    }

    /// It happened.
    pub(crate) fn note(&mut self, kind: Kind) {
        self.note_times(kind, 1);
    }

    /// It happened so many times.
    pub(crate) fn note_times(&mut self, kind: Kind, times: u64) {
        self.kinds[kind as usize] += times;
    }

    /// Adds another trial's.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.verified += other.verified;
        for (mine, theirs) in self.kinds.iter_mut().zip(other.kinds) {
            *mine += theirs;
        }
    }

    /// Kinds that did not take place.
    pub fn missing(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.count(*kind) == 0).collect()
    }
}

impl core::fmt::Display for TrialReport {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { acknowledged, unknown, verified, .. } = self;
        write!(to, "acknowledged {acknowledged}, unknown {unknown}, verified {verified}")?;
        for kind in Kind::ALL {
            write!(to, ", {kind:?} {}", self.count(kind))?;
        }
        Ok(())
    }
}
