//! What nodes say to each other about the catalog.
//!
//! ```text
//! head   version 1 | kind
//! body   postcard of what the kind says
//! ```
//! | service | kind | body of the call | body of the reply |
//! |---|---|---|---|
//! | consensus | 1 append | `AppendEntriesRequest` | `AppendEntriesResponse` |
//! | consensus | 2 vote | `VoteRequest` | `VoteResponse` |
//! | snapshot | 3 snapshot | head: `SnapshotHead` besides; body: the bytes of a backup | `SnapshotResponse` |
//! | consensus | 7 release | [`Release`](crate::handing::Release) | nothing |
//! | consensus | 8 lead | [`LeadAsk`](crate::handing::LeadAsk) | whether it does |
//! | catalog | 4 propose | commands, encoded, a list | [`Proposed`], a list |
//! | catalog | 5 read point | nothing | [`ReadPoint`] |
//! | catalog | 6 known | nothing | [`Known`](crate::acquainting::Known) |
//! | catalog | 9 leader | nothing | the node that leads, if one is known |
//! | catalog | 10 propose as of | [`AsOf`], a list | [`Proposed`], a list |
//! | catalog | 11 clock | nothing | what the wall clock of the node says |
//!
//! A node of an older version refuses a kind that it does not know.
//!
//! **Invariant**: nothing that another node says can panic here, or takes more memory
//! than [`limits::MESSAGE_BYTES_MAX`].

use bytes::{BufMut as _, Bytes, BytesMut};
use catalog::Outcome;
use openraft::{LogId, SnapshotMeta, Vote};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use units::{ByteCount, LogIndex, Timestamp};
use wire::{Body, Call, Refused, Reply, Service};

use crate::error::{CatalogFull, Fate, ProposeError, Unavailable};
use crate::limits;
use crate::member::{Member, Seat};
use crate::stamps::ClockAhead;

const VERSION: u8 = 1;

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Append = 1,
    Vote = 2,
    Snapshot = 3,
    Propose = 4,
    ReadPoint = 5,
    Known = 6,
    Release = 7,
    Lead = 8,
    Leader = 9,
    ProposeAsOf = 10,
    Clock = 11,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Append,
        Self::Vote,
        Self::Snapshot,
        Self::Propose,
        Self::ReadPoint,
        Self::Known,
        Self::Release,
        Self::Lead,
        Self::Leader,
        Self::ProposeAsOf,
        Self::Clock,
    ];

    pub(crate) const fn service(self) -> Service {
        match self {
            Self::Append | Self::Vote | Self::Release | Self::Lead => Service::Consensus,
            Self::Snapshot => Service::Snapshot,
            Self::Propose
            | Self::ProposeAsOf
            | Self::ReadPoint
            | Self::Known
            | Self::Leader
            | Self::Clock => Service::Catalog,
        }
    }
}

/// What comes in front of the bytes of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotHead {
    pub(crate) vote: Vote<Member>,
    pub(crate) meta: SnapshotMeta<Member, Seat>,
}

/// A command, and which directory rows it was decided on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AsOf {
    /// The entry whose rows these are; none if they were the newest.
    pub(crate) as_of: Option<LogIndex>,
    pub(crate) encoded: Vec<u8>,
}

/// What became of one command at the leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Proposed {
    /// It was carried out, or refused, by the entry at this index.
    Done { outcome: Outcome, index: LogIndex },
    /// It was not taken: the node does not lead.
    NotLeader,
    /// As [`Unavailable`].
    Unavailable { reason: String, is_unknown: bool },
    /// As [`CatalogFull`], at the leader.
    Full { free: ByteCount, needed: ByteCount },
    /// As [`ClockAhead`], at the leader.
    Clock { hours: u64, now: Timestamp, expected: Timestamp },
    /// As [`ProposeError::TooLong`].
    TooLong { bytes: u64 },
    /// As [`ProposeError::DirectoryChanged`].
    DirectoryChanged,
}

impl Proposed {
    /// What a leader says of a command that it did not carry out.
    pub(crate) fn not_done(error: ProposeError) -> Self {
        match error {
            ProposeError::Refused(refusal) => {
                Self::Done { outcome: Err(refusal), index: LogIndex::new(0) }
            }
            ProposeError::Unavailable(Unavailable { reason, fate }) => {
                Self::Unavailable { reason, is_unknown: fate == Fate::Unknown }
            }
            ProposeError::Full(CatalogFull { free, needed }) => Self::Full { free, needed },
            ProposeError::Clock(ClockAhead { hours, now, expected }) => {
                Self::Clock { hours, now, expected }
            }
            ProposeError::DirectoryChanged => Self::DirectoryChanged,
            ProposeError::TooLong { bytes } => Self::TooLong { bytes: bytes as u64 },
        }
    }
}

/// What a leader says about reads.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum ReadPoint {
    /// Whoever has applied this entry shows everything that was acknowledged.
    At(LogIndex),
    /// The node does not lead, or cannot be sure that it does.
    NotLeader,
}

/// A call whose body is this.
pub(crate) fn call(kind: Kind, body: &impl Serialize) -> Result<Call, postcard::Error> {
    let body = Bytes::from(postcard::to_stdvec(body)?);
    Ok(Call { service: kind.service(), head: head(kind), body: Body::whole(body) })
}

/// A call with bytes behind a long head.
pub(crate) fn call_with(
    kind: Kind,
    said: &impl Serialize,
    body: Body,
) -> Result<Call, postcard::Error> {
    let mut head = BytesMut::from(&head(kind)[..]);
    head.put_slice(&postcard::to_stdvec(said)?);
    Ok(Call { service: kind.service(), head: head.freeze(), body })
}

fn head(kind: Kind) -> Bytes {
    Bytes::copy_from_slice(&[VERSION, kind as u8])
}

/// What a call is about, and what its head says besides.
pub(crate) fn kind_of(call: &Call) -> Result<(Kind, Bytes), Refused> {
    let refused = |reason: String| Refused { reason };
    match call.head.get(..2) {
        Some(&[VERSION, kind]) => {
            let found = Kind::ALL.into_iter().find(|known| *known as u8 == kind);
            let found = found.filter(|found| found.service() == call.service);
            let found = found.ok_or_else(|| refused(unknown(kind)))?;
            Ok((found, call.head.slice(2..)))
        }
        Some(&[version, _]) => {
            Err(refused(format!("version {version} of the catalog's messages is not known")))
        }
        _ => Err(refused("a question without a head".to_owned())),
    }
}

/// What a node says of a kind that it does not know; other builds read it.
fn unknown(kind: u8) -> String {
    format!("no question {kind} here")
}

/// Whether a node was asked in vain because it is of a build that does not know the kind.
pub(crate) fn is_unknown(kind: Kind, refused: &Refused) -> bool {
    refused.reason == unknown(kind as u8)
}

/// Reads bytes that must be exactly this.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    match postcard::take_from_bytes(bytes) {
        Ok((said, [])) => Ok(said),
        Ok(_) => Err(Refused { reason: "more was said than is understood".to_owned() }),
        Err(error) => Err(Refused { reason: format!("not understood: {error}") }),
    }
}

/// The body of a call, as this.
pub(crate) async fn body<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let bytes = body.collect(limits::MESSAGE_BYTES_MAX).await;
    read(&bytes.map_err(|error| Refused { reason: error.to_string() })?)
}

/// A reply that says this.
pub(crate) fn reply(said: &impl Serialize) -> Result<Reply, Refused> {
    let body = postcard::to_stdvec(said);
    let body = body.map_err(|error| Refused { reason: format!("not said: {error}") })?;
    let head = Bytes::from_static(&[VERSION]);
    Ok(Reply { head, body: Body::whole(body.into()) })
}

/// What a reply says.
pub(crate) async fn said<T: DeserializeOwned>(reply: Reply) -> Result<T, Refused> {
    match reply.head.first() {
        Some(&VERSION) => body(reply.body).await,
        _ => Err(Refused { reason: "an answer of an unknown version".to_owned() }),
    }
}

/// Whether an entry id is at least as far as another; none is the beginning.
pub(crate) fn reaches(id: Option<LogId<Member>>, other: Option<LogId<Member>>) -> bool {
    id >= other
}
