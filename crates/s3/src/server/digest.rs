//! `Content-MD5` of documents: a body that is held against it as it is read.
//!
//! Bodies of objects are checked where they are stored; the documents of other verbs
//! are read and parsed by the protocol library, which does not look at the header.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body::{Body, Frame, SizeHint};
use md5::{Digest, Md5};
use s3s::{S3Result, StdError};
use thiserror::Error;

use super::address::Level;
use super::query::Query;
use crate::object::stored;
use crate::request::RequestContext;

/// The document is not the one whose digest was sent.
#[derive(Debug, Error)]
#[error("the document does not have the claimed MD5")]
pub(crate) struct OtherDigest;

/// What `Content-MD5` claims of a document; nothing where the body is an object's.
pub(super) fn of_document(
    method: &Method,
    level: Level,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> S3Result<Option<[u8; 16]>> {
    let document = ["acl", "legal-hold", "retention", "tagging"];
    let object = level == Level::Object
        && method == Method::PUT
        && !document.iter().any(|name| query.has(name));
    if object { Ok(None) } else { stored::content_md5(headers) }
}

pin_project_lite::pin_project! {
    /// Digests a body; its end is an error if the digest is another.
    pub(crate) struct DigestBody<B> {
        #[pin]
        inner: B,
        running: Md5,
        expected: [u8; 16],
        context: Arc<RequestContext>,
    }
}

impl<B> DigestBody<B> {
    /// Holds this body against a digest; a mismatch is noted in the context.
    pub(crate) fn new(inner: B, expected: [u8; 16], context: Arc<RequestContext>) -> Self {
        Self { inner, running: Md5::new(), expected, context }
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
                let found: [u8; 16] = core::mem::take(this.running).finalize().into();
                // Asked again, it has ended: nothing is left to digest.
                let nothing = Md5::new().finalize().into();
                if found != core::mem::replace(this.expected, nothing) {
                    this.context.note_bad_digest();
                    return Poll::Ready(Some(Err(Box::new(OtherDigest))));
                }
            }
        }
        Poll::Ready(frame)
    }

    // Not the inner body's word: the end is where the digest is compared.
    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
