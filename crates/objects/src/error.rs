//! Why a verb was not carried out, told apart by what a client must be told.
//!
//! One type for all verbs, because the faces translate every one of them with
//! the same table; what an operator needs beyond that travels as the source.

use catalog::{ETag, Refusal, VersionName};
use consensus::ClockAhead;
use thiserror::Error;
use units::{ByteCount, Timestamp};

use crate::BodyError;

/// A verb that was not carried out. Nothing became visible.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// The catalog's rules say no; each refusal is one S3 error.
    #[error("refused: {0}")]
    Refused(#[source] Refusal),
    /// The newest version (or the one named) is a delete marker.
    #[error("the version is a delete marker")]
    DeleteMarker {
        /// The marker's version.
        version: VersionName,
        /// Whether the client named this version (405) or not (404).
        named: bool,
        /// When the marker was made.
        modified: Timestamp,
    },
    /// A conditional read whose condition does not hold (412).
    #[error("condition {condition} does not hold")]
    PreconditionFailed {
        /// The header that failed.
        condition: &'static str,
    },
    /// A conditional read of something the client already has (304).
    #[error("not modified")]
    NotModified {
        /// The entity tag.
        etag: ETag,
        /// Last modification.
        modified: Timestamp,
    },
    /// The range lies outside the object (416).
    #[error("range outside an object of {size} bytes")]
    RangeNotSatisfiable {
        /// Size of the object.
        size: ByteCount,
    },
    /// The part number does not exist in the object (416).
    #[error("no such part number in the object")]
    NoSuchPart,
    /// Fewer or more bytes than announced.
    #[error("announced {announced} bytes, received {received}")]
    IncompleteBody {
        /// `Content-Length` or its decoded counterpart.
        announced: ByteCount,
        /// What came.
        received: ByteCount,
    },
    /// The object or part is larger than S3 allows.
    #[error("larger than {limit} bytes")]
    EntityTooLarge {
        /// The limit.
        limit: ByteCount,
    },
    /// `Content-MD5` does not match the bytes.
    #[error("the bytes do not have the claimed MD5")]
    BadDigest,
    /// An `x-amz-checksum-*` value does not match the bytes.
    #[error("the bytes do not have the claimed {algorithm} checksum")]
    ChecksumMismatch {
        /// As S3 writes it: `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1`, `SHA256`.
        algorithm: &'static str,
    },
    /// A checksum value that is not base64 of the right length, or a trailer
    /// that was announced and did not come.
    #[error("malformed {algorithm} checksum")]
    ChecksumMalformed {
        /// As S3 writes it.
        algorithm: &'static str,
    },
    /// The checksum asked for does not fit the upload it belongs to.
    #[error("checksum {asked} on an upload created with {declared}")]
    ChecksumTypeMismatch {
        /// What the part or completion said.
        asked: String,
        /// What the upload was created with.
        declared: String,
    },
    /// The stream broke; nothing was stored.
    #[error("the body could not be read")]
    Body(#[from] BodyError),
    /// The object is sealed with a customer key and none was given (400).
    #[error("the object is sealed with a customer key")]
    CustomerKeyRequired,
    /// A customer key was given that is malformed or not asked for (400).
    #[error("customer key: {reason}")]
    CustomerKeyInvalid {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The customer key is not the one the object was sealed with (403).
    #[error("the customer key does not open the object")]
    CustomerKeyMismatch,
    /// The tenant key named by the request or by the object is not available (400).
    #[error("tenant key {name:?} is not available")]
    TenantKeyUnavailable {
        /// The key's name.
        name: String,
    },
    /// The request itself is wrong in a way the faces could not see (400).
    #[error("invalid request: {reason}")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
    /// A copy onto itself that changes nothing (400).
    #[error("a copy onto itself must change something")]
    CopyOntoItself,
    /// The authorisation does not cover what the verb touches: a fault of ours, never served.
    #[error("the authorisation does not cover {touched}")]
    NotCovered {
        /// What was about to be touched.
        touched: String,
    },
    /// It was decided on older rules than those of now: to be decided anew, after
    /// [`crate::Objects::catch_up`].
    #[error("the rules by which it was decided have changed")]
    RulesChanged,
    /// Too many verbs at once; the client should come back (503 `SlowDown`).
    #[error("too busy: {what}")]
    SlowDown {
        /// The limit that is reached.
        what: &'static str,
    },
    /// No set of disks can hold the data as promised now (503).
    #[error("the write cannot be placed: {reason}")]
    NotPlaced {
        /// Which rule has no candidate.
        reason: String,
    },
    /// Only one of several disks takes writes, so that nothing written now would survive
    /// the loss of one (503).
    #[error("only one of the site's {expected} disks takes writes")]
    OneDiskLeft {
        /// Disks the site counts on.
        expected: usize,
    },
    /// Too many of the disks that hold the bytes are missing or do not answer (503).
    #[error("disks that hold it are missing or do not answer: {reason}")]
    DisksUnreachable {
        /// What could not be read.
        reason: String,
    },
    /// The disks have no room left (507).
    #[error("the site is full")]
    Full,
    /// The disk of the catalog has no room left (507), the others may have.
    #[error(transparent)]
    CatalogFull(#[from] consensus::CatalogFull),
    /// The catalog or a disk does not answer (503); the outcome of a write is unknown.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// What does not answer.
        reason: String,
    },
    /// This node is cut off from the other sites: it can neither write nor know what is new
    /// (503); nothing was changed.
    #[error("cut off from the other sites")]
    CutOff,
    /// The clock is not believed, so nothing is written until an operator has looked at
    /// it (503).
    #[error(transparent)]
    Clock(#[from] ClockAhead),
    /// Too many fragments are missing or bad to rebuild the bytes (500).
    #[error("damaged: {reason}")]
    Damaged {
        /// What could not be rebuilt.
        reason: String,
    },
    /// Not served by this software (501).
    #[error("not served: {what}")]
    NotServed {
        /// What was asked.
        what: &'static str,
    },
    /// A fault inside; the operator's log says which.
    #[error("internal: {reason}")]
    Internal {
        /// What went wrong.
        reason: String,
    },
}

impl From<Refusal> for ObjectError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
