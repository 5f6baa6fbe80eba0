//! One connection to a peer: opened when needed, watched, opened again, never in a hurry.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::watch;
use tokio::time::Instant;

use super::dial::{Dialled, dial};
use super::keep::keep;
use super::link::Link;
use crate::limits::{PROVEN_AFTER, REDIAL_AFTER_MAX, REDIAL_AFTER_MIN};

/// One connection, if there is one.
pub(super) struct Lane {
    state: watch::Sender<State>,
    kind: Kind,
}

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Short calls.
    Short,
    /// Long bodies.
    Bulk,
    /// Long bodies that nobody waits for.
    Upkeep,
}

enum State {
    Idle { not_before: Instant, pause: Duration, reason: Arc<str> },
    Dialling,
    Open { requests: SendRequest<Bytes>, number: u64, since: Instant, pause: Duration },
}

impl State {
    /// Without a connection, after one that could not be made (`since` is none) or ended.
    fn idle(since: Option<Instant>, pause: Duration, reason: Arc<str>) -> Self {
        let now = Instant::now();
        if since.is_some_and(|since| since.elapsed() >= PROVEN_AFTER) {
            return Self::Idle { not_before: now, pause: Duration::ZERO, reason };
        }
        let pause = (pause * 2).clamp(REDIAL_AFTER_MIN, REDIAL_AFTER_MAX);
        Self::Idle { not_before: now + pause, pause, reason }
    }
}

/// A connection that calls can be sent on.
pub(super) struct Open {
    pub requests: SendRequest<Bytes>,
    number: u64,
}

impl Lane {
    pub(super) fn new(kind: Kind) -> Self {
        let state = State::Idle {
            not_before: Instant::now(),
            pause: Duration::ZERO,
            reason: Arc::from("it was not dialled yet"),
        };
        Self { state: watch::Sender::new(state), kind }
    }

    /// The connection; dials if there is none and it is time. Whoever comes while the
    /// peer is dialled waits for the outcome; in a pause there is none to wait for.
    pub(super) async fn open(link: &Arc<Link>, at: usize) -> Result<Open, Arc<str>> {
        let Some(lane) = link.lanes.get(at) else { return Err(Arc::from("no such lane")) };
        let mut changes = lane.state.subscribe();
        let mut waited = false;
        loop {
            let mut result = None;
            let mut dials = None;
            lane.state.send_if_modified(|state| {
                match state {
                    State::Open { requests, number, .. } => {
                        let open = Open { requests: requests.clone(), number: *number };
                        result = Some(Ok(open));
                    }
                    State::Dialling => waited = true,
                    State::Idle { not_before, reason, .. }
                        if waited || Instant::now() < *not_before =>
                    {
                        result = Some(Err(reason.clone()));
                    }
                    State::Idle { pause, .. } => {
                        dials = Some(*pause);
                        *state = State::Dialling;
                    }
                }
                dials.is_some()
            });
            if let Some(result) = result {
                return result;
            }
            if let Some(pause) = dials {
                let settles = Settles::new(link.clone(), at, pause);
                // In a task of its own: whoever waits may have a shorter deadline than a
                // handshake takes, and the next one wants the connection too.
                link.shared.tasks.spawn(run(settles));
            }
            if changes.changed().await.is_err() {
                return Err(Arc::from("this node has shut down"));
            }
        }
    }

    /// Nothing can be sent on this connection any more.
    pub(super) fn given_up(&self, open: &Open) {
        self.state.send_if_modified(|state| match state {
            State::Open { number, since, pause, .. } if *number == open.number => {
                *state = State::idle(Some(*since), *pause, Arc::from("the connection closed"));
                true
            }
            _ => false,
        });
    }

    /// Dials again at the next call, pause or not: something is different now.
    pub(super) fn hurry(&self) {
        self.state.send_if_modified(|state| {
            if let State::Idle { not_before, pause, .. } = state {
                (*not_before, *pause) = (Instant::now(), Duration::ZERO);
            }
            false
        });
    }
}

/// A connection's task, from dialling to its end.
async fn run(mut settles: Settles) {
    let link = settles.link.clone();
    let Some(lane) = link.lanes.get(settles.at) else { return };
    let peer = link.peer.lock().clone();
    let is_upkeep = lane.kind == Kind::Upkeep;
    let dialling = dial(&link.shared.credentials, &peer, &link.health, &link.cut, is_upkeep);
    let dialled = tokio::select! {
        biased;
        () = link.cut.cancelled() => Err("it left the roster, or this node ends".to_owned()),
        dialled = dialling => dialled,
    };
    let Dialled { requests, connection, pings, heard } = match dialled {
        Ok(dialled) => dialled,
        Err(reason) => {
            link.health.reached_set(false);
            settles.reason = Arc::from(reason);
            return;
        }
    };
    tracing::debug!(node = %link.node, kind = ?lane.kind, "connected");
    settles.opened(requests);
    // A round trip beside long bodies says nothing of the way.
    let health = (lane.kind == Kind::Short).then(|| link.health.clone());
    let reason = tokio::select! {
        biased;
        () = link.cut.cancelled() => "it left the roster, or this node ends".to_owned(),
        ended = connection => {
            ended.err().map_or("it was closed".to_owned(), |error| error.to_string())
        }
        silent = keep(pings, heard, health) => silent.to_owned(),
    };
    tracing::debug!(node = %link.node, kind = ?lane.kind, reason, "disconnected");
    if lane.kind == Kind::Short {
        link.health.reached_set(false);
    }
    settles.reason = Arc::from(reason);
}

/// Leaves the lane idle when the task ends, however it ends.
struct Settles {
    link: Arc<Link>,
    at: usize,
    number: u64,
    pause: Duration,
    opened: Option<Instant>,
    reason: Arc<str>,
}

impl Settles {
    fn new(link: Arc<Link>, at: usize, pause: Duration) -> Self {
        let number = link.shared.number();
        Self { link, at, number, pause, opened: None, reason: Arc::from("its task broke") }
    }

    fn opened(&mut self, requests: SendRequest<Bytes>) {
        let (since, number, pause) = (Instant::now(), self.number, self.pause);
        self.opened = Some(since);
        if let Some(lane) = self.link.lanes.get(self.at) {
            lane.state.send_replace(State::Open { requests, number, since, pause });
        }
    }
}

impl Drop for Settles {
    fn drop(&mut self) {
        let Some(lane) = self.link.lanes.get(self.at) else { return };
        lane.state.send_if_modified(|state| {
            let is_its = match state {
                State::Dialling => self.opened.is_none(),
                State::Open { number, .. } => *number == self.number,
                // Given up before, and perhaps dialled again since.
                State::Idle { .. } => false,
            };
            if is_its {
                *state = State::idle(self.opened, self.pause, self.reason.clone());
            }
            is_its
        });
    }
}
