//! A request body that is given up when the client falls silent or only holds on.
//!
//! Only the time spent waiting for the client counts; a slow disk is not the
//! client's fault. Who keeps memory that others wait for (see `gathering`) has less
//! time. While the client is waited for, the request's turn is given
//! back (see `turns`); a piece that has come is passed on once there is one again.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use metrics::Counter;
use s3s::StdError;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::{BODY_IDLE_TIMEOUT, BODY_RATE_BYTES_MIN, BODY_RATE_WINDOW};
use crate::request::RequestContext;
use crate::server::work::Taking;

/// The client was slower than is accepted.
#[derive(Debug, Error)]
#[error("the body came too slowly")]
pub(crate) struct TooSlow;

/// The pace that a client must keep.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Longest silence.
    idle: Duration,
    /// Over how much waiting the rate is judged.
    window: Duration,
    /// Least bytes in a window.
    bytes_min: u64,
}

const PACE: Pace =
    Pace { idle: BODY_IDLE_TIMEOUT, window: BODY_RATE_WINDOW, bytes_min: BODY_RATE_BYTES_MIN };

pin_project_lite::pin_project! {
    /// Watches the pace of a body.
    pub(crate) struct PacedBody<B> {
        #[pin]
        inner: B,
        pace: Pace,
        context: Arc<RequestContext>,
        timer: Option<Pin<Box<Sleep>>>,
        waiting_since: Option<Instant>,
        waited: Duration,
        received: u64,
        arrived: Option<Frame<Bytes>>,
        taking: Option<Taking>,
        traffic: Counter,
    }
}

impl<B> PacedBody<B> {
    /// Watches this body; a time-out is noted in the context, its bytes are counted.
    pub(crate) fn new(inner: B, context: Arc<RequestContext>, traffic: Counter) -> Self {
        Self { traffic, ..Self::with(inner, context, PACE) }
    }

    fn with(inner: B, context: Arc<RequestContext>, pace: Pace) -> Self {
        Self {
            inner,
            pace,
            context,
            timer: None,
            waiting_since: None,
            waited: Duration::ZERO,
            received: 0,
            arrived: None,
            taking: None,
            traffic: Counter::noop(),
        }
    }
}

impl<B> Body for PacedBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = self.project();
        this.context.note_body_asked();
        if let Some(taking) = this.taking.as_mut() {
            let taken = ready!(taking.as_mut().poll(cx));
            *this.taking = None;
            // A body that was begun is not given up for want of a turn.
            if let Ok(turn) = taken {
                this.context.work_resumed(turn);
            }
            return Poll::Ready(this.arrived.take().map(Ok));
        }
        let Poll::Ready(frame) = this.inner.poll_frame(cx) else {
            this.context.work_pause();
            this.waiting_since.get_or_insert_with(Instant::now);
            let timer = this.timer.get_or_insert_with(|| {
                let left = this.context.share_left(Duration::ZERO);
                Box::pin(sleep(left.map_or(this.pace.idle, |left| left.min(this.pace.idle))))
            });
            ready!(timer.as_mut().poll(cx));
            this.context.note_too_slow();
            return Poll::Ready(Some(Err(Box::new(TooSlow))));
        };
        if let Some(since) = this.waiting_since.take() {
            let waited = since.elapsed();
            *this.waited += waited;
            *this.timer = None;
            if this.context.share_left(waited) == Some(Duration::ZERO) {
                this.context.note_too_slow();
                return Poll::Ready(Some(Err(Box::new(TooSlow))));
            }
        }
        if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            let bytes = data.map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
            *this.received += bytes;
            this.traffic.increment(bytes);
        }
        if *this.waited >= this.pace.window {
            if *this.received < this.pace.bytes_min {
                this.context.note_too_slow();
                return Poll::Ready(Some(Err(Box::new(TooSlow))));
            }
            (*this.waited, *this.received) = (Duration::ZERO, 0);
        }
        if let Some(mut taking) = this.context.work_resume() {
            match taking.as_mut().poll(cx) {
                Poll::Ready(Ok(turn)) => this.context.work_resumed(turn),
                Poll::Ready(Err(_)) => {}
                Poll::Pending => {
                    if let Some(Ok(frame)) = frame {
                        (*this.arrived, *this.taking) = (Some(frame), Some(taking));
                        return Poll::Pending;
                    }
                }
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.arrived.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use http_body_util::{BodyExt, StreamBody};

    /// A body of one byte per `pause` milliseconds.
    async fn run(pause: u64, count: u32) -> Result<usize, String> {
        run_within(None, pause, count).await
    }

    /// The same of one for which memory is held so many milliseconds.
    async fn run_within(hold: Option<u64>, pause: u64, count: u32) -> Result<usize, String> {
        let pace = Pace {
            idle: Duration::from_millis(200),
            window: Duration::from_millis(300),
            bytes_min: 10,
        };
        let context = Arc::new(RequestContext::new(
            "id".to_owned(),
            std::net::SocketAddr::from(([127, 0, 0, 1], 1)),
            false,
        ));
        if let Some(hold) = hold {
            context.share_begin(Duration::from_millis(hold));
        }
        let frames = futures::stream::iter(0..count).then(move |_| async move {
            sleep(Duration::from_millis(pause)).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))
        });
        let body = PacedBody::with(StreamBody::new(Box::pin(frames)), Arc::clone(&context), pace);
        let collected = body.collect().await;
        assert_eq!(collected.is_err(), context.is_too_slow());
        collected.map(|body| body.to_bytes().len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn silence_ends_a_body() {
        assert_eq!(run(10_000, 1).await, Err(TooSlow.to_string()));
    }

    #[tokio::test]
    async fn holding_on_ends_a_body() {
        assert_eq!(run(100, 10).await, Err(TooSlow.to_string()));
    }

    #[tokio::test]
    async fn who_holds_memory_is_not_waited_for_as_long() {
        // Fast enough for a body that nobody waits for, and a minute in all.
        assert_eq!(run_within(Some(100), 1, 60_000).await, Err(TooSlow.to_string()));
        assert_eq!(run_within(Some(50), 10_000, 1).await, Err(TooSlow.to_string()));
        assert_eq!(run_within(Some(60_000), 1, 400).await, Ok(400));
    }

    #[tokio::test]
    async fn a_slow_but_steady_body_passes() {
        assert_eq!(run(1, 400).await, Ok(400));
    }
}
