//! Bodies that are worked on in turns: on their way in and on their way out.
//!
//! A request's turn is kept in its [`Work`]. A body on its way in gives it back
//! while the client is waited for; one on its way out takes one for each piece.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use access::Lane;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use metrics::Counter;
use s3s::StdError;

use super::Acquaintance;
use super::turns::{NoTurn, Turn, Turns};

/// Waits for a turn.
pub(crate) type Taking = Pin<Box<dyn Future<Output = Result<Turn, NoTurn>> + Send>>;

/// What is worked on for a request.
#[derive(Debug, Default)]
pub(crate) enum Work {
    /// Nobody knows yet who asks; or the request was answered.
    #[default]
    None,
    /// The node waits for the client.
    Paused {
        /// Where turns come from.
        turns: Arc<Turns>,
        /// Whose they are.
        lane: Lane,
    },
    /// The node works.
    Turn {
        /// Where turns come from.
        turns: Arc<Turns>,
        /// Whose they are.
        lane: Lane,
        /// This one; given back when dropped.
        turn: Turn,
    },
}

impl Work {
    /// Gives the turn back until [`Work::resume`]; the turn is to be dropped
    /// outside any lock.
    pub(crate) fn pause(&mut self) -> Option<Turn> {
        match core::mem::take(self) {
            Self::Turn { turns, lane, turn } => {
                *self = Self::Paused { turns, lane };
                Some(turn)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes a turn again; if there is none at once, what to wait for.
    pub(crate) fn resume(&mut self) -> Option<Taking> {
        let Self::Paused { turns, lane } = self else { return None };
        if let Some(turn) = turns.take_now(*lane) {
            self.resumed(turn);
            return None;
        }
        let (turns, lane) = (Arc::clone(turns), *lane);
        Some(Box::pin(async move { turns.take(lane).await }))
    }

    /// A turn has come.
    pub(crate) fn resumed(&mut self, turn: Turn) {
        if let Self::Paused { turns, lane } = core::mem::take(self) {
            *self = Self::Turn { turns, lane, turn };
        }
    }
}

pin_project_lite::pin_project! {
    /// An answer's body, each piece of it made in a turn.
    pub(crate) struct TurnBody<B> {
        #[pin]
        inner: B,
        turns: Arc<Turns>,
        lane: Lane,
        turn: Option<Turn>,
        taking: Option<Taking>,
        traffic: Counter,
        // What is known of the connection it goes over.
        acquaintance: Option<Arc<Acquaintance>>,
    }
}

impl<B> TurnBody<B> {
    /// Over this connection.
    pub(crate) fn over(self, acquaintance: Arc<Acquaintance>) -> Self {
        Self { acquaintance: Some(acquaintance), ..self }
    }

    /// This body, in turns of this lane; its bytes are counted.
    pub(crate) fn new(inner: B, turns: Arc<Turns>, lane: Lane, traffic: Counter) -> Self {
        Self { inner, turns, lane, turn: None, taking: None, traffic, acquaintance: None }
    }
}

impl<B> Body for TurnBody<B>
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
        // Who stands in line stays there: a turn taken beside it would leave the one
        // that is handed over later with nobody to give it back.
        if this.turn.is_none() && this.taking.is_none() {
            *this.turn = this.turns.take_now(*this.lane);
        }
        if this.turn.is_none() {
            let taking = this.taking.get_or_insert_with(|| {
                let (turns, lane) = (Arc::clone(this.turns), *this.lane);
                Box::pin(async move { turns.take(lane).await })
            });
            let taken = ready!(taking.as_mut().poll(cx));
            *this.taking = None;
            // An answer that was begun is not broken off for want of a turn.
            *this.turn = taken.ok();
        }
        let frame = ready!(this.inner.poll_frame(cx));
        *this.turn = None;
        if let Some(connection) = this.acquaintance {
            connection.served();
        }
        if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            this.traffic.increment(data.map_or(0, |data| data.len() as u64));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroUsize;
    use futures::{FutureExt as _, StreamExt as _};
    use http_body_util::{BodyExt as _, StreamBody};
    use units::TenantId;

    #[tokio::test]
    async fn an_answer_nobody_reads_holds_no_turn() {
        let turns = Turns::new(NonZeroUsize::MIN, NonZeroUsize::MIN);
        let lane = Lane::Tenant(TenantId::from_u128(1));
        let frames = futures::stream::iter(0..3)
            .map(|_| Ok::<_, StdError>(Frame::data(Bytes::from_static(b"piece"))));
        let mut body =
            TurnBody::new(StreamBody::new(frames), Arc::clone(&turns), lane, Counter::noop());
        for _ in 0..3 {
            assert!(body.frame().await.is_some());
            assert_eq!(turns.taken(), 0, "between pieces");
        }
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_turn_in_line_is_not_forgotten() {
        let two = NonZeroUsize::MIN.saturating_add(1);
        let turns = Turns::new(two, two);
        let lane = |number| Lane::Tenant(TenantId::from_u128(number));
        let frames = futures::stream::iter(0..3)
            .map(|_| Ok::<_, StdError>(Frame::data(Bytes::from_static(b"piece"))));
        let mut body =
            TurnBody::new(StreamBody::new(frames), Arc::clone(&turns), lane(1), Counter::noop());
        let mut held: Vec<Turn> = Vec::new();
        while let Some(Ok(turn)) = turns.take(lane(1)).now_or_never() {
            held.push(turn);
        }
        assert!(body.frame().now_or_never().is_none(), "it stands in line");
        // One is handed over, the other is free: it takes the one it was handed.
        drop(held);
        for _ in 0..3 {
            assert!(body.frame().await.is_some());
            assert_eq!(turns.taken(), 0, "between pieces none is taken, nor handed over unseen");
        }
    }

    #[tokio::test]
    async fn work_is_paused_and_resumed() {
        let turns = Turns::new(NonZeroUsize::MIN, NonZeroUsize::MIN);
        let lane = Lane::Tenant(TenantId::from_u128(1));
        let turn = turns.take(lane).await.unwrap();
        let mut work = Work::Turn { turns: Arc::clone(&turns), lane, turn };
        drop(work.pause());
        assert_eq!(turns.taken(), 0);
        assert!(work.resume().is_none(), "there was one at once");
        assert_eq!(turns.taken(), 1);
        drop(work);
        assert_eq!(turns.taken(), 0);
    }
}
