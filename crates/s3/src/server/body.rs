//! A request body that is given up when the client falls silent or only holds on.
//!
//! Only the time spent waiting for the client counts; a slow disk is not the
//! client's fault. Who keeps memory that others wait for (see `gathering`) has less
//! time, and as long as nobody does, as much as everybody. While the client is waited
//! for, the request's turn is given back (see `turns`); a piece that has come is passed on
//! once there is one again.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use metrics::Counter;
use s3s::StdError;
use thiserror::Error;
use tokio::time::{Instant, sleep};

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

/// Ends when the client is waited for no longer.
type Patience = Pin<Box<dyn Future<Output = ()> + Send>>;

pin_project_lite::pin_project! {
    /// Watches the pace of a body.
    pub(crate) struct PacedBody<B> {
        #[pin]
        inner: B,
        pace: Pace,
        context: Arc<RequestContext>,
        patience: Option<Patience>,
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
            patience: None,
            waiting_since: None,
            waited: Duration::ZERO,
            received: 0,
            arrived: None,
            taking: None,
            traffic: Counter::noop(),
        }
    }
}

/// No longer than this silence, and less while somebody waits for what the client holds.
fn patience(idle: Duration, context: &RequestContext) -> Patience {
    let idle = sleep(idle);
    match context.share_left(Duration::ZERO) {
        None => Box::pin(idle),
        Some((left, crowd)) => Box::pin(async move {
            let behind = async {
                sleep(left).await;
                crowd.wait().await;
            };
            tokio::select! {
                () = idle => {}
                () = behind => {}
            }
        }),
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
            let patience =
                this.patience.get_or_insert_with(|| patience(this.pace.idle, this.context));
            ready!(patience.as_mut().poll(cx));
            this.context.note_too_slow();
            return Poll::Ready(Some(Err(Box::new(TooSlow))));
        };
        if let Some(since) = this.waiting_since.take() {
            let waited = since.elapsed();
            *this.waited += waited;
            *this.patience = None;
            let held = this.context.share_left(waited);
            if held.is_some_and(|(left, crowd)| left.is_zero() && crowd.waits()) {
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
    use crate::server::Crowd;
    use futures::StreamExt;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::watch;

    /// A body of one byte per `pause` milliseconds.
    async fn run(pause: u64, count: u32) -> Result<usize, String> {
        run_within(None, 0, pause, count).await
    }

    /// The same of one that is waited for so many milliseconds while so many wait for
    /// the memory that it holds.
    async fn run_within(
        hold: Option<u64>,
        waiting: usize,
        pause: u64,
        count: u32,
    ) -> Result<usize, String> {
        run_behind(hold, &watch::Sender::new(waiting), pause, count).await
    }

    async fn run_behind(
        hold: Option<u64>,
        waiting: &watch::Sender<usize>,
        pause: u64,
        count: u32,
    ) -> Result<usize, String> {
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
            context.share_begin(Duration::from_millis(hold), Crowd::of(waiting));
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
        assert_eq!(run_within(Some(100), 1, 1, 60_000).await, Err(TooSlow.to_string()));
        assert_eq!(run_within(Some(50), 1, 10_000, 1).await, Err(TooSlow.to_string()));
        assert_eq!(run_within(Some(60_000), 1, 1, 400).await, Ok(400));
    }

    #[tokio::test]
    async fn who_holds_memory_that_nobody_waits_for_may_go_on() {
        assert_eq!(run_within(Some(10), 0, 1, 400).await, Ok(400));
        assert_eq!(run_within(Some(10), 0, 100, 2).await, Ok(2));
        // Silence ends it as it ends everybody.
        assert_eq!(run_within(Some(10), 0, 10_000, 1).await, Err(TooSlow.to_string()));
    }

    #[tokio::test]
    async fn who_holds_memory_ends_when_somebody_comes_to_wait() {
        for (pause, count) in [(1, 60_000), (150, 1)] {
            let waiting = watch::Sender::new(0);
            let held = run_behind(Some(10), &waiting, pause, count);
            let comes = async {
                sleep(Duration::from_millis(60)).await;
                waiting.send_modify(|waiting| *waiting = 1);
            };
            let (ended, ()) = tokio::join!(held, comes);
            assert_eq!(ended, Err(TooSlow.to_string()), "a byte in {pause} ms");
        }
    }

    #[tokio::test]
    async fn a_slow_but_steady_body_passes() {
        assert_eq!(run(1, 400).await, Ok(400));
    }
}
