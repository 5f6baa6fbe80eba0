//! Calls, replies, and how a call can end otherwise.

use core::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use units::{InviteId, NodeId};

use crate::Body;

/// What on a node answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Letting a new node in; the only one that an invited machine may call.
    Join,
    /// The messages of the catalog's consensus.
    Consensus,
    /// Commands and reads for whoever leads the catalog.
    Catalog,
    /// Fragments on the disks of a node.
    Fragments,
    /// How a node does.
    Status,
    /// Snapshots of the catalog, which may be long.
    Snapshot,
    /// Repairing a part for another node.
    Repair,
    /// Fragments on the disks of a node, for repairs and moves: on a line of its own, of
    /// which little is under way, so that it does not stand before what clients wait for.
    Upkeep,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 8] = [
        Self::Join,
        Self::Consensus,
        Self::Catalog,
        Self::Fragments,
        Self::Status,
        Self::Snapshot,
        Self::Repair,
        Self::Upkeep,
    ];

    /// Its name between nodes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Consensus => "consensus",
            Self::Catalog => "catalog",
            Self::Fragments => "fragments",
            Self::Status => "status",
            Self::Snapshot => "snapshot",
            Self::Repair => "repair",
            Self::Upkeep => "upkeep",
        }
    }

    /// Whether its bodies are long: they must not make a heartbeat wait.
    pub const fn is_bulk(self) -> bool {
        matches!(self, Self::Fragments | Self::Snapshot | Self::Upkeep)
    }
}

/// Who calls, as the handshake has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A node of the roster.
    Node(NodeId),
    /// A machine that holds an invitation.
    Invited(InviteId),
}

/// A question to a node.
#[derive(Debug)]
pub struct Call {
    /// Who is to answer.
    pub service: Service,
    /// What is asked; at most [`crate::limits::HEAD_BYTES_MAX`].
    pub head: Bytes,
    /// The bytes it is about.
    pub body: Body,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// What is answered; at most [`crate::limits::HEAD_BYTES_MAX`].
    pub head: Bytes,
    /// The bytes it is about.
    pub body: Body,
}

/// A call that is not answered: it was not carried out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct Refused {
    /// Why, for an operator.
    pub reason: String,
}

/// A call without a reply.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CallError {
    /// The roster has no such node: it was removed, or is not known yet.
    #[error("node {node} is not in the cluster")]
    NoSuchNode {
        /// Which.
        node: NodeId,
    },
    /// No connection: the call was not carried out.
    #[error("node {node} cannot be reached: {reason}")]
    Unreachable {
        /// Which.
        node: NodeId,
        /// In words.
        reason: String,
    },
    /// The connection broke: whether it was carried out is unknown.
    #[error("the connection to node {node} broke: {reason}")]
    Broken {
        /// Which.
        node: NodeId,
        /// In words.
        reason: String,
    },
    /// No reply by the deadline: whether it was or will be carried out is unknown.
    #[error("node {node} gave no answer within {within:?}")]
    Late {
        /// Which.
        node: NodeId,
        /// The deadline.
        within: Duration,
    },
    /// The other node said no.
    #[error("node {node} refused: {refused}")]
    Refused {
        /// Which.
        node: NodeId,
        /// What it said.
        refused: Refused,
    },
}

impl CallError {
    /// Whether the call may have been carried out, or may still be.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Late { .. })
    }
}

/// A call of a machine that is about to join, without a reply.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GuestError {
    /// No connection: the call was not carried out.
    #[error("the node that invited cannot be reached: {reason}")]
    Unreachable {
        /// In words.
        reason: String,
    },
    /// The connection broke: whether it was carried out is unknown.
    #[error("the connection to the node that invited broke: {reason}")]
    Broken {
        /// In words.
        reason: String,
    },
    /// No reply by the deadline: whether it was or will be carried out is unknown.
    #[error("the node that invited gave no answer within {within:?}")]
    Late {
        /// The deadline.
        within: Duration,
    },
    /// It said no.
    #[error("the node that invited refused: {0}")]
    Refused(Refused),
}

impl From<CallError> for GuestError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoSuchNode { .. } => {
                Self::Unreachable { reason: "it is not known".to_owned() }
            }
            CallError::Unreachable { reason, .. } => Self::Unreachable { reason },
            CallError::Broken { reason, .. } => Self::Broken { reason },
            CallError::Late { within, .. } => Self::Late { within },
            CallError::Refused { refused, .. } => Self::Refused(refused),
        }
    }
}
