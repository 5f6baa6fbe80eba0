//! The bytes a client sends, as the write path receives them.
//!
//! The face above decodes its protocol (chunked signatures, trailers) and hands
//! down plain object bytes; an error in the stream means the request is void
//! and nothing may appear.

use core::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use thiserror::Error;

/// Why a body ended before its end.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The client went away or the connection broke.
    #[error("the body broke off: {reason}")]
    Broken {
        /// What the transport said.
        reason: String,
    },
    /// A signed chunk or trailer did not verify.
    #[error("a chunk signature does not match")]
    SignatureMismatch,
    /// The bytes do not have the digest that was signed.
    #[error("the payload does not have the signed digest")]
    DigestMismatch,
    /// The protocol around the bytes is malformed.
    #[error("the body is malformed: {reason}")]
    Malformed {
        /// What was wrong.
        reason: String,
    },
    /// The client was slower than the face allows.
    #[error("the body came too slowly")]
    TimedOut,
}

/// Object bytes in order; it ends once, with the last byte or with one error.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// A body that is already in memory; for small objects and tests.
pub fn body_of(bytes: impl Into<Bytes>) -> BodyStream {
    let bytes: Bytes = bytes.into();
    Box::pin(futures::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
}
