//! What stops a bucket from being a disk of this node, in words for its operator.

use thiserror::Error;

/// A bucket that cannot be a disk here.
#[derive(Debug, Error)]
pub enum BucketError {
    /// The settings do not go together.
    #[error("{reason}")]
    Settings {
        /// In words.
        reason: String,
    },
    /// It does not answer, or refuses us.
    #[error("the bucket {url} cannot be used: {reason}")]
    Unreachable {
        /// Which.
        url: String,
        /// What it or the network said.
        reason: String,
    },
    /// Another node works in it.
    #[error("the bucket {url} is a disk of another node: {claims}")]
    Claimed {
        /// Which.
        url: String,
        /// The objects by which others lay claim to it.
        claims: String,
    },
    /// It holds more objects than a disk has.
    #[error("the bucket {url} holds more than {most} objects of this disk")]
    TooManyObjects {
        /// Which.
        url: String,
        /// The limit.
        most: usize,
    },
    /// This machine gives no threads to speak to it.
    #[error("no thread can be started")]
    Threads(#[source] std::io::Error),
}

/// A request that did not do what it was for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no such object.
    #[error("not found")]
    NotFound,
    /// There is no room for it: a quota.
    #[error("no room: {0}")]
    Full(String),
    /// Whether it was done is unknown; what was asked for is neither there nor gone.
    #[error("{0}")]
    Unanswered(String),
}
