//! `Content-MD5` and `x-amz-checksum-*` of documents: a body that is held against them
//! as it is read.
//!
//! Bodies of objects are checked where they are stored; the documents of other verbs
//! are read and parsed by the protocol library, which does not look at the headers.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;
use catalog::ChecksumAlgorithm;
use http::{HeaderMap, Method};
use http_body::{Body, Frame, SizeHint};
use md5::{Digest as _, Md5};
use objects::{RunningChecksum, checksum_length, checksum_name};
use s3s::{S3Result, StdError, s3_error};
use thiserror::Error;

use super::address::Level;
use super::query::Query;
use crate::object::{checksums, stored};
use crate::request::RequestContext;

/// The document is not the one whose digest was sent.
#[derive(Debug, Error)]
#[error("the document does not have the claimed {digest}")]
pub(crate) struct OtherDigest {
    digest: &'static str,
}

/// What the headers claim of a document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    md5: Option<[u8; 16]>,
    checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
}

/// Whether the body is an object's or a part's, not a document.
pub(super) fn is_object(method: &Method, level: Level, query: &Query<'_>) -> bool {
    let document = ["acl", "legal-hold", "retention", "tagging"];
    level == Level::Object && method == Method::PUT && !document.iter().any(|name| query.has(name))
}

/// What is claimed of a document; nothing where the body is an object's.
pub(super) fn of_document(
    method: &Method,
    level: Level,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> S3Result<Option<Claims>> {
    if is_object(method, level, query) {
        return Ok(None);
    }
    // Who completes an upload claims the checksum of the object, not of his list.
    let of_body = method == Method::PUT || method == Method::POST && query.has("delete");
    let checksum = if of_body { checksums::claimed(headers)? } else { None };
    if let Some((algorithm, value)) = &checksum
        && value.len() != checksum_length(*algorithm)
    {
        let header = checksums::header_of(*algorithm);
        return Err(s3_error!(InvalidRequest, "Value for {header} header is invalid."));
    }
    let claims = Claims { md5: stored::content_md5(headers)?, checksum };
    Ok((claims != Claims::default()).then_some(claims))
}

/// The digests of what was read so far, each with what it should become.
struct Running {
    md5: Option<(Md5, [u8; 16])>,
    checksum: Option<(ChecksumAlgorithm, RunningChecksum, Vec<u8>)>,
}

impl Running {
    fn new(claims: Claims) -> Self {
        Self {
            md5: claims.md5.map(|expected| (Md5::new(), expected)),
            checksum: claims.checksum.map(|(algorithm, expected)| {
                (algorithm, RunningChecksum::new(algorithm), expected)
            }),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some((running, _)) = &mut self.md5 {
            running.update(bytes);
        }
        if let Some((_, running, _)) = &mut self.checksum {
            running.update(bytes);
        }
    }

    /// The first digest that is another than was claimed; asked again, none is.
    fn other(&mut self) -> Option<&'static str> {
        let md5 = self.md5.take().and_then(|(running, expected)| {
            let found: [u8; 16] = running.finalize().into();
            (found != expected).then_some("Content-MD5")
        });
        let checksum = self.checksum.take().and_then(|(algorithm, running, expected)| {
            (running.finish() != expected).then_some(checksum_name(algorithm))
        });
        md5.or(checksum)
    }
}

pin_project_lite::pin_project! {
    /// Digests a body; its end is an error if a digest is another.
    pub(crate) struct DigestBody<B> {
        #[pin]
        inner: B,
        running: Running,
        context: Arc<RequestContext>,
    }
}

impl<B> DigestBody<B> {
    /// Holds this body against what was claimed; a mismatch is noted in the context.
    pub(super) fn new(inner: B, claims: Option<Claims>, context: Arc<RequestContext>) -> Self {
        Self { inner, running: Running::new(claims.unwrap_or_default()), context }
    }
}

impl<B> Body for DigestBody<B>
where
    B: Body<Data = Bytes, Error = StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(bytes) = frame.data_ref() {
                    this.running.update(bytes);
                }
            }
            Some(Err(_)) => {}
            None => {
                if let Some(digest) = this.running.other() {
                    this.context.note_bad_digest(digest);
                    return Poll::Ready(Some(Err(Box::new(OtherDigest { digest }))));
                }
            }
        }
        Poll::Ready(frame)
    }

    // Where anything is claimed not the inner body's word: its end is where the digests
    // are compared.
    fn is_end_stream(&self) -> bool {
        let nothing = self.running.md5.is_none() && self.running.checksum.is_none();
        nothing && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
