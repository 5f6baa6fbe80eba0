//! A document on its way in: gathered whole, in memory that was asked for first.
//!
//! What comes is copied together: a piece of one byte would keep the whole buffer it
//! was read into.
//!
//! **Invariants**
//! - Nothing of a body is kept before its share is there (see `gathering`).
//! - A body that is longer than any document ends in an error before it is read, and
//!   one of no known length with its first byte: the protocol library takes no document
//!   without, so nothing of it is kept.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use s3s::StdError;
use thiserror::Error;

use super::gathering::{Asking, Gathering, Share, held};
use crate::limits::{GATHERED_DOCUMENT_FREE_BYTES, XML_BODY_BYTES_MAX};
use crate::request::{BodyFault, RequestContext};

/// The document will not be read.
#[derive(Debug, Error)]
#[error("the document is not read: {why}")]
struct NotRead {
    why: &'static str,
}

pin_project_lite::pin_project! {
    /// Gathers a body into one piece once somebody asks for it.
    pub(crate) struct GatheredBody<B> {
        #[pin]
        inner: B,
        asking: Asking,
        length: Option<u64>,
        state: State,
        bytes: BytesMut,
        share: Option<Share>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has asked for it yet.
    Fresh,
    /// A share of so many bytes is waited for.
    Waits {
        bytes: usize,
    },
    Reads,
    Ended,
}

impl<B> GatheredBody<B> {
    /// Gathers this body, of which the head says the length or does not.
    pub(crate) fn new(
        inner: B,
        length: Option<u64>,
        gathering: Arc<Gathering>,
        context: Arc<RequestContext>,
    ) -> Self {
        Self {
            inner,
            asking: Asking::new(gathering, context),
            length,
            state: State::Fresh,
            bytes: BytesMut::new(),
            share: None,
        }
    }
}

impl<B> Body for GatheredBody<B>
where
    B: Body<Data = Bytes, Error = StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    // Cancel-safety: all state is kept in `self` between polls.
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let mut this = self.project();
        loop {
            match *this.state {
                State::Fresh => {
                    let length = this
                        .length
                        .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
                    if length > XML_BODY_BYTES_MAX {
                        *this.state = State::Ended;
                        this.asking.context().note_fault(BodyFault::TooLong);
                        return refused("it is too long");
                    }
                    let bytes = length.saturating_sub(GATHERED_DOCUMENT_FREE_BYTES);
                    *this.state = if bytes == 0 { State::Reads } else { State::Waits { bytes } };
                    // Room for all of it, once that may be held.
                    if bytes == 0 {
                        this.bytes.reserve(length);
                    }
                }
                State::Waits { bytes } => match ready!(this.asking.poll_share(bytes, cx)) {
                    Ok(share) => {
                        *this.share = Some(share);
                        this.bytes.reserve(bytes.saturating_add(GATHERED_DOCUMENT_FREE_BYTES));
                        *this.state = State::Reads;
                    }
                    Err(crowded) => {
                        *this.state = State::Ended;
                        return Poll::Ready(Some(Err(Box::new(crowded))));
                    }
                },
                State::Reads => match ready!(this.inner.as_mut().poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        let Ok(piece) = frame.into_data() else { continue };
                        if this.length.is_none() && !piece.is_empty() {
                            *this.state = State::Ended;
                            this.asking.context().note_fault(BodyFault::Unmeasured);
                            return refused("it does not say how long it is");
                        }
                        this.bytes.extend_from_slice(&piece);
                    }
                    Some(Err(error)) => {
                        *this.state = State::Ended;
                        *this.bytes = BytesMut::new();
                        *this.share = None;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        *this.state = State::Ended;
                        let bytes = core::mem::take(this.bytes);
                        let whole = held(bytes, this.share.take());
                        if !whole.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(whole))));
                        }
                    }
                },
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.state {
            State::Fresh => self.inner.is_end_stream(),
            State::Waits { .. } | State::Reads => false,
            State::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.state {
            State::Fresh => self.inner.size_hint(),
            State::Waits { .. } | State::Reads => SizeHint::default(),
            State::Ended => SizeHint::with_exact(0),
        }
    }
}

fn refused(why: &'static str) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
    Poll::Ready(Some(Err(Box::new(NotRead { why }))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::body::{PacedBody, TooSlow};
    use futures::StreamExt as _;
    use http_body_util::{BodyExt as _, StreamBody};

    const DOCUMENT: usize = 1024 * 1024;

    fn context() -> Arc<RequestContext> {
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 1));
        Arc::new(RequestContext::new("id".to_owned(), peer, false))
    }

    /// So many bytes, a few at a time; never ends if it `hangs`.
    fn body(bytes: usize, hangs: bool) -> impl Body<Data = Bytes, Error = StdError> + Unpin {
        let pieces = vec![vec![7_u8; 1_000]; bytes / 1_000];
        let pieces = futures::stream::iter(pieces.into_iter().chain([vec![7; bytes % 1_000]]));
        let pieces = pieces.map(|piece| Ok::<_, StdError>(Frame::data(Bytes::from(piece))));
        let rest = futures::stream::pending().take(usize::from(hangs));
        StreamBody::new(Box::pin(pieces.chain(rest)))
    }

    async fn check(bytes: usize, length: Option<u64>, expected: Result<usize, BodyFault>) {
        let (gathering, context) = (Gathering::new(), context());
        let body =
            GatheredBody::new(body(bytes, false), length, Arc::clone(&gathering), context.clone());
        let gathered = body.collect().await.map(http_body_util::Collected::to_bytes);
        assert_eq!(context.fault(), expected.err(), "{bytes} {length:?}");
        assert_eq!(gathered.as_ref().ok().map(Bytes::len), expected.ok(), "{bytes} {length:?}");
        let kept = bytes.saturating_sub(GATHERED_DOCUMENT_FREE_BYTES);
        let kept = if length.is_some() && expected.is_ok() { kept } else { 0 };
        assert_eq!(gathering.held(), kept, "as long as the document is there");
        drop(gathered);
        assert_eq!(gathering.held(), 0);
    }

    #[tokio::test]
    async fn documents_come_whole_and_give_their_share_back() {
        check(0, Some(0), Ok(0)).await;
        check(5, Some(5), Ok(5)).await;
        check(GATHERED_DOCUMENT_FREE_BYTES + 1, Some(16_385), Ok(16_385)).await;
        check(DOCUMENT, Some(DOCUMENT as u64), Ok(DOCUMENT)).await;
        check(0, None, Ok(0)).await;
        check(5, None, Err(BodyFault::Unmeasured)).await;
        let long = XML_BODY_BYTES_MAX + 1;
        check(long, Some(long as u64), Err(BodyFault::TooLong)).await;
    }

    #[tokio::test]
    async fn a_client_that_leaves_gives_its_share_back() {
        let gathering = Gathering::new();
        let length = Some(DOCUMENT as u64);
        let hanging = body(DOCUMENT - 1, true);
        let mut body = GatheredBody::new(hanging, length, Arc::clone(&gathering), context());
        assert!(futures::poll!(body.frame()).is_pending());
        assert_eq!(gathering.held(), DOCUMENT - GATHERED_DOCUMENT_FREE_BYTES);
        drop(body);
        assert_eq!(gathering.held(), 0);
    }

    #[tokio::test]
    async fn who_only_holds_on_gives_its_share_back() {
        let (gathering, context) =
            (Gathering::hasty(core::time::Duration::from_millis(50)), context());
        let traffic = metrics::Counter::noop();
        // The pace of a body that nobody waits for would have it go on for a minute.
        let hanging = PacedBody::new(body(DOCUMENT - 1, true), Arc::clone(&context), traffic);
        let length = Some(DOCUMENT as u64);
        let hanging = GatheredBody::new(hanging, length, Arc::clone(&gathering), context.clone());
        let mut hanging = Box::pin(hanging);
        let alone = tokio::time::timeout(core::time::Duration::from_millis(200), hanging.frame());
        assert!(alone.await.is_err(), "nobody waits behind it");
        // Another document of the same lane does not fit beside it.
        let length = Some(XML_BODY_BYTES_MAX as u64);
        let other = body(XML_BODY_BYTES_MAX, false);
        let mut other = GatheredBody::new(other, length, Arc::clone(&gathering), self::context());
        assert!(futures::poll!(other.frame()).is_pending());
        let ended = hanging.frame().await;
        assert!(matches!(ended, Some(Err(error)) if error.is::<TooSlow>()));
        assert!(context.is_too_slow(), "answered RequestTimeout");
        let whole = other.frame().await.and_then(Result::ok).and_then(|f| f.into_data().ok());
        assert_eq!(whole.map(|whole| whole.len()), Some(XML_BODY_BYTES_MAX), "while it is there");
        assert_eq!(gathering.held(), 0, "while the request is still there");
    }

    #[tokio::test]
    async fn who_finds_no_room_is_told_to_slow_down() {
        let gathering = Gathering::impatient(core::time::Duration::from_millis(20));
        let length = Some(XML_BODY_BYTES_MAX as u64);
        let hanging = body(1, true);
        let mut first = GatheredBody::new(hanging, length, Arc::clone(&gathering), context());
        assert!(futures::poll!(first.frame()).is_pending());
        let context = context();
        let second = body(XML_BODY_BYTES_MAX, false);
        let second = GatheredBody::new(second, length, Arc::clone(&gathering), context.clone());
        assert!(second.collect().await.is_err());
        assert_eq!(context.fault(), Some(BodyFault::Crowded));
        drop(first);
        assert_eq!(gathering.held(), 0);
    }
}
