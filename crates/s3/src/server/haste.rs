//! Small writes that are decided at once, on what this node knows.
//!
//! To catch up a node asks whoever leads, and waits for the answer; then the command
//! travels the same way. A small write is decided meanwhile on the rows there are, and its
//! command says as of which: the leader refuses it if a rule has changed since
//! (`consensus::propose_as_of`). What is refused, by anybody and for whatever reason, is
//! begun again the slow way, with the body as it was.
//!
//! ```text
//!  slow    ask ──► newest ──► decide ──► command ──► answer
//!  hasty             decide ──► command, as of 7 ──► answer
//!                       └─ refused ──► slow
//! ```
//!
//! **Invariants**
//! - A client is refused only for what the newest rows say.
//! - Nothing that may have been carried out is begun again.
//! - What is kept of a body to give it twice is no more than [`HASTY_BYTES_MAX`].

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use s3s::S3Result;
use units::limits::INLINE_BYTES_MAX;

use crate::limits::HASTY_BYTES_MAX;

/// Whether a request may be decided on rows that are not the newest: it writes or deletes
/// one object, names nothing else, and its body is small.
pub(crate) fn may_be_hasty<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let names_more = |name: &str| headers.contains_key(name);
    let length = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let on_the_wire = length(header::CONTENT_LENGTH.as_str());
    let object = length("x-amz-decoded-content-length").or(on_the_wire);
    let is_small = match *request.method() {
        Method::PUT => {
            on_the_wire.is_some_and(|length| length <= HASTY_BYTES_MAX)
                && object.is_some_and(|length| length <= INLINE_BYTES_MAX as u64)
        }
        Method::DELETE => on_the_wire.unwrap_or(0) == 0,
        _ => false,
    };
    is_small
        && request.uri().query().is_none()
        // Whoever says what a read shall show is answered in so many words.
        && !names_more("x-essaim-read")
        && !names_more("x-amz-copy-source")
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// Whether what came of a hasty attempt is the answer: it was carried out, or it is not
/// known that it was not.
pub(crate) fn is_final<B>(served: &S3Result<Response<B>>) -> bool {
    let status = match served {
        Ok(answer) => Some(answer.status()),
        Err(error) => error.status_code(),
    };
    !status.is_some_and(|status| status.is_client_error())
}

/// A piece of a body.
#[derive(Clone)]
enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl From<Piece> for Frame<Bytes> {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Data(bytes) => Self::data(bytes),
            Piece::Trailers(trailers) => Self::trailers(trailers),
        }
    }
}

/// A body and what came of it so far.
struct Coming<B> {
    inner: Pin<Box<B>>,
    came: Vec<Piece>,
    is_ended: bool,
}

/// A small body that can be had twice; clones begin where it began.
pub(crate) struct Kept<B> {
    coming: Arc<Mutex<Coming<B>>>,
    given: usize,
    hint: SizeHint,
}

impl<B: Body<Data = Bytes>> Kept<B> {
    /// Keeps what comes of this body.
    pub(crate) fn new(inner: B) -> Self {
        let hint = inner.size_hint();
        let coming = Coming { inner: Box::pin(inner), came: Vec::new(), is_ended: false };
        Self { coming: Arc::new(Mutex::new(coming)), given: 0, hint }
    }

    /// The same body from its beginning.
    pub(crate) fn again(&self) -> Self {
        let coming = Arc::clone(&self.coming);
        Self { coming, given: 0, hint: self.hint }
    }
}

impl<B: Body<Data = Bytes>> Body for Kept<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let mut coming = this.coming.lock();
        if this.given == coming.came.len() {
            if coming.is_ended {
                return Poll::Ready(None);
            }
            let frame = match ready!(coming.inner.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    // Whoever reads it again finds it too short.
                    coming.is_ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    coming.is_ended = true;
                    return Poll::Ready(None);
                }
            };
            let piece = match frame.into_data() {
                Ok(data) => Piece::Data(data),
                Err(frame) => Piece::Trailers(frame.into_trailers().unwrap_or_default()),
            };
            coming.came.push(piece);
        }
        let piece = coming.came.get(this.given).cloned();
        this.given += 1;
        Poll::Ready(piece.map(|piece| Ok(piece.into())))
    }

    fn is_end_stream(&self) -> bool {
        let coming = self.coming.lock();
        self.given == coming.came.len() && (coming.is_ended || coming.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        // What is left of what was said.
        let coming = self.coming.lock();
        let given: u64 = coming
            .came
            .iter()
            .take(self.given)
            .map(|piece| match piece {
                Piece::Data(bytes) => bytes.len() as u64,
                Piece::Trailers(_) => 0,
            })
            .sum();
        let mut hint = SizeHint::new();
        hint.set_lower(self.hint.lower().saturating_sub(given));
        if let Some(upper) = self.hint.upper() {
            hint.set_upper(upper.saturating_sub(given).max(hint.lower()));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn request(method: Method, uri: &str, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request")
    }

    #[test]
    fn only_small_writes_of_one_object_are_hasty() {
        let small = ("content-length", "4096");
        assert!(may_be_hasty(&request(Method::PUT, "/b/k", &[small])));
        assert!(may_be_hasty(&request(Method::DELETE, "/b/k", &[])));
        assert!(!may_be_hasty(&request(Method::GET, "/b/k", &[])));
        assert!(!may_be_hasty(&request(Method::PUT, "/b/k", &[])), "of no known length");
        assert!(!may_be_hasty(&request(Method::PUT, "/b/k?acl", &[small])));
        let framed = ("x-amz-decoded-content-length", "4000");
        assert!(may_be_hasty(&request(Method::PUT, "/b/k", &[small, framed])));
        let others = [
            ("content-length", "1000000"),
            ("x-amz-decoded-content-length", "9000"),
            ("x-essaim-read", "current"),
            ("x-amz-copy-source", "/b/other"),
            ("transfer-encoding", "chunked"),
        ];
        for other in others {
            let both = if other.0 == "content-length" { vec![other] } else { vec![small, other] };
            assert!(!may_be_hasty(&request(Method::PUT, "/b/k", &both)), "{other:?}");
        }
    }

    #[tokio::test]
    async fn a_body_is_had_twice() {
        let body = Kept::new(Full::new(Bytes::from_static(b"four thousand bytes")));
        let again = body.again();
        assert_eq!(body.size_hint().exact(), Some(19));
        let mut begun = body;
        let first = begun.frame().await.expect("a frame").expect("read");
        assert_eq!(first.into_data().expect("data"), "four thousand bytes");
        assert_eq!(begun.size_hint().exact(), Some(0));
        assert!(begun.is_end_stream());
        drop(begun);
        assert_eq!(again.size_hint().exact(), Some(19));
        assert_eq!(again.collect().await.expect("read").to_bytes(), "four thousand bytes");
    }
}
