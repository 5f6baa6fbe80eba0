//! Faults that a simulated disk plays out on demand.

/// The kinds of operation that are counted and can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    /// A read of a file.
    Read,
    /// `create` of a file.
    Create,
    /// A write to a file.
    Write,
    /// `set_len`.
    Length,
    /// `reserve`.
    Reserve,
    /// `punch`.
    Punch,
    /// `sync_data`.
    SyncData,
    /// `sync_dir`.
    SyncDirectory,
    /// `rename`.
    Rename,
    /// `remove`.
    Remove,
}

impl OperationKind {
    /// All kinds that change something: those at which the power can be cut.
    pub const CHANGING: [Self; 9] = [
        Self::Create,
        Self::Write,
        Self::Length,
        Self::Reserve,
        Self::Punch,
        Self::SyncData,
        Self::SyncDirectory,
        Self::Rename,
        Self::Remove,
    ];
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device reports an error (`EIO`); a write may have landed in part.
    Io,
    /// There is no room (`ENOSPC`); a write may have landed in part.
    Full,
}

/// A fault waiting for its operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) kind: OperationKind,
    /// How many operations of this kind still succeed before it.
    pub(crate) after: u64,
    pub(crate) fault: Fault,
}
