//! The bytes of a stream as they arrive.

use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use h2::RecvStream;
use tokio_util::sync::CancellationToken;
use units::planted;

use super::head::LENGTH_BYTES;
use crate::limits::HEAD_BYTES_MAX;
use crate::{Body, BodyError};

/// What is received on one stream: a head, then a body.
pub(super) struct Incoming {
    recv: RecvStream,
    cut: CancellationToken,
    /// What came together with the head.
    rest: Bytes,
    ended: bool,
}

impl Incoming {
    pub(super) const fn new(recv: RecvStream, cut: CancellationToken) -> Self {
        Self { recv, cut, rest: Bytes::new(), ended: false }
    }

    /// The head, which comes first.
    pub(super) async fn head(&mut self) -> Result<Bytes, BodyError> {
        let mut got = self.next().await.unwrap_or_else(cut_short)?;
        let length = loop {
            match got.first_chunk::<LENGTH_BYTES>() {
                Some(length) => break u32::from_le_bytes(*length) as usize,
                None => got = self.joined(&got).await?,
            }
        };
        if length > HEAD_BYTES_MAX {
            return Err(BodyError::TooLong { most: HEAD_BYTES_MAX });
        }
        while got.len() < LENGTH_BYTES + length {
            got = self.joined(&got).await?;
        }
        got.advance(LENGTH_BYTES);
        let head = got.split_to(length);
        self.rest = got;
        Ok(head)
    }

    /// With what comes next. A head comes in very few pieces.
    async fn joined(&mut self, got: &[u8]) -> Result<Bytes, BodyError> {
        let more = self.next().await.unwrap_or_else(cut_short)?;
        let mut joined = BytesMut::with_capacity(got.len() + more.len());
        joined.extend_from_slice(got);
        joined.extend_from_slice(&more);
        Ok(joined.freeze())
    }

    /// Whether nothing more comes, and all that came is here.
    pub(super) fn is_whole(&self) -> bool {
        self.recv.is_end_stream()
    }

    /// Nothing more is taken from it.
    pub(super) const fn end(&mut self) {
        self.ended = true;
    }

    /// The body, if all of it is here.
    pub(super) fn rest(&mut self) -> Body {
        Body::whole(core::mem::take(&mut self.rest))
    }
}

fn cut_short<T>() -> Result<T, BodyError> {
    Err(broken("it ended before its head did"))
}

pub(super) fn broken(reason: impl ToString) -> BodyError {
    BodyError::Broken { reason: reason.to_string() }
}

impl Stream for Incoming {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = if self.cut.is_cancelled() {
            Poll::Ready(Some(Err(broken("the connection was cut"))))
        } else if !self.rest.is_empty() {
            Poll::Ready(Some(Ok(core::mem::take(&mut self.rest))))
        } else {
            self.poll_received(cx)
        };
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.ended = true;
            if planted::is_on("wire-whole-when-broken") {
                return Poll::Ready(None);
            }
        }
        next
    }
}

impl Incoming {
    fn poll_received(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            return Poll::Ready(match core::task::ready!(self.recv.poll_data(cx)) {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => {
                    // The other side may send as much again. Fails only if the stream
                    // is over, which the next look says.
                    let _ = self.recv.flow_control().release_capacity(bytes.len());
                    Some(Ok(bytes))
                }
                Some(Err(error)) => Some(Err(broken(error))),
                None if self.recv.is_end_stream() => None,
                None => Some(Err(broken("it has no end mark"))),
            });
        }
    }
}
