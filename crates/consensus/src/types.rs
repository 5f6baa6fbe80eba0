//! What openraft is told about this cluster's types.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Outcome, Stamped};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::member::{Member, Seat};
use crate::snapshot::CatalogSnapshot;

openraft::declare_raft_types!(
    /// The types of the catalog's consensus.
    pub Types:
        D = Pack,
        R = Answers,
        NodeId = Member,
        Node = Seat,
        Entry = openraft::Entry<Types>,
        SnapshotData = CatalogSnapshot,
        AsyncRuntime = crate::runtime::Runtime,
);

/// An entry of the log, decoded.
pub(crate) type Entry = openraft::Entry<Types>;
/// openraft, told the types above.
pub(crate) type Raft = openraft::Raft<Types>;
/// A failed storage call, as openraft hears of it: the end of this Raft instance.
pub(crate) type StorageError = openraft::StorageError<Member>;
/// The membership and the entry that set it.
pub(crate) type StoredMembership = openraft::StoredMembership<Member, Seat>;

/// First byte of the body of an entry with commands.
pub(crate) const BODY_COMMANDS: u8 = 1;

/// Bytes of a record of the log around what an entry says, at the most.
const BESIDES_BYTES: u64 = 128;

/// Roughly what an entry takes in the log.
pub(crate) fn entry_bytes(entry: &Entry) -> u64 {
    match &entry.payload {
        openraft::EntryPayload::Normal(pack) => pack.body.len() as u64 + BESIDES_BYTES,
        // Seats of a few nodes.
        openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => BESIDES_BYTES * 8,
    }
}

/// Commands that travel in one log entry, in both their forms: decoded for the
/// state machine and encoded for the log, so that neither has to be made twice.
#[derive(Clone)]
pub struct Pack {
    /// The commands, stamped.
    pub(crate) commands: Arc<[Stamped]>,
    /// [`BODY_COMMANDS`] and what [`Stamped::encode_entry`] writes.
    pub(crate) body: Bytes,
}

impl Pack {
    /// Takes a body apart.
    pub(crate) fn from_body(body: Bytes) -> Result<Self, catalog::Damaged> {
        let commands = Stamped::decode_entry(body.get(1..).unwrap_or_default())?.into();
        Ok(Self { commands, body })
    }
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pack({} commands, {} bytes)", self.commands.len(), self.body.len())
    }
}

impl Serialize for Pack {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.body)
    }
}

impl<'de> Deserialize<'de> for Pack {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Vec::<u8>::deserialize(deserializer)?;
        Self::from_body(body.into()).map_err(D::Error::custom)
    }
}

/// The outcome of every command of an entry, in order; none for other entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answers(pub(crate) Vec<Outcome>);
