//! A connection that is cut when the client leaves its answer unread.
//!
//! Without it, a client that asks for a large object and reads nothing would
//! hold the object's buffers for as long as it likes.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::limits::WRITE_STALL_TIMEOUT;

pin_project_lite::pin_project! {
    /// Cuts writes that make no progress for [`WRITE_STALL_TIMEOUT`].
    pub(crate) struct StallGuard<S> {
        #[pin]
        inner: S,
        patience: Duration,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<S> StallGuard<S> {
    /// Guards this connection.
    pub(crate) fn new(inner: S) -> Self {
        Self::with(inner, WRITE_STALL_TIMEOUT)
    }

    fn with(inner: S, patience: Duration) -> Self {
        Self { inner, patience, timer: None }
    }
}

/// Passes progress on; fails once a write has waited too long.
fn watch<T>(
    poll: Poll<io::Result<T>>,
    timer: &mut Option<Pin<Box<Sleep>>>,
    patience: Duration,
    cx: &mut Context<'_>,
) -> Poll<io::Result<T>> {
    if poll.is_ready() {
        *timer = None;
        return poll;
    }
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(patience)));
    ready!(timer.as_mut().poll(cx));
    Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
}

impl<S: AsyncRead> AsyncRead for StallGuard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<S: AsyncWrite> AsyncWrite for StallGuard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let poll = this.inner.poll_write(cx, buf);
        watch(poll, this.timer, *this.patience, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let poll = this.inner.poll_write_vectored(cx, bufs);
        watch(poll, this.timer, *this.patience, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let poll = this.inner.poll_flush(cx);
        watch(poll, this.timer, *this.patience, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let poll = this.inner.poll_shutdown(cx);
        watch(poll, this.timer, *this.patience, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn an_answer_nobody_reads_is_cut() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut guarded = StallGuard::with(ours, Duration::from_millis(20));
        let written = guarded.write_all(&[0; 64]).await;
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    }
}
