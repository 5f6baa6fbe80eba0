//! A body on its way: in pieces, and no further than the connection lasts.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use tokio::time::timeout;
use units::{NodeId, planted};

use super::flight::{Flight, Waits};
use crate::limits::SIM_PIECE_BYTES_MAX;
use crate::{Body, BodyError};

/// The same bytes for the other side. `still` is how long it may stand still, `waits` who
/// reads it.
pub(super) fn carried(
    body: Body,
    flight: Arc<Flight>,
    from: NodeId,
    to: NodeId,
    still: Option<Duration>,
    waits: Option<Waits>,
) -> Body {
    if body.as_whole().is_some_and(Bytes::is_empty) {
        return Body::empty();
    }
    let way =
        BodyWay { body: Some(body), rest: Bytes::new(), flight, from, to, still, _waits: waits };
    Body::pieces(stream::unfold(way, |mut way| async move {
        let piece = way.next().await?;
        if piece.is_err() {
            way.body = None;
            if planted::is_on("wire-whole-when-broken") {
                return None;
            }
        }
        Some((piece, way))
    }))
}

struct BodyWay {
    /// `None` after an error.
    body: Option<Body>,
    /// Of a piece that is longer than what is handed on at once.
    rest: Bytes,
    flight: Arc<Flight>,
    from: NodeId,
    to: NodeId,
    still: Option<Duration>,
    _waits: Option<Waits>,
}

impl BodyWay {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        let still = self.still;
        let next = async {
            let body = self.body.as_mut()?;
            tokio::select! {
                biased;
                reason = self.flight.breaks() => Some(Err(broken(reason))),
                piece = piece(body, &mut self.rest, &self.flight, self.from, self.to) => piece,
            }
        };
        match still {
            None => next.await,
            Some(still) => timeout(still, next).await.unwrap_or(Some(Err(BodyError::Late))),
        }
    }
}

async fn piece(
    body: &mut Body,
    rest: &mut Bytes,
    flight: &Flight,
    from: NodeId,
    to: NodeId,
) -> Option<Result<Bytes, BodyError>> {
    while rest.is_empty() {
        match body.next().await? {
            Ok(bytes) => *rest = bytes,
            Err(error) => return Some(Err(broken(&error.to_string()))),
        }
    }
    if let Err(reason) = flight.pass(from, to).await {
        return Some(Err(broken(reason)));
    }
    Some(Ok(rest.split_to(rest.len().min(SIM_PIECE_BYTES_MAX))))
}

fn broken(reason: &str) -> BodyError {
    BodyError::Broken { reason: reason.to_owned() }
}
