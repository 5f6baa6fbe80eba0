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
    is_bulk: bool,
}

enum State {
    Idle { not_before: Instant, pause: Duration, reason: Arc<str> },
    Dialling { pause: Duration },
    Open { requests: SendRequest<Bytes>, number: u64 },
}

/// A connection that calls can be sent on.
pub(super) struct Open {
    pub requests: SendRequest<Bytes>,
    number: u64,
}

impl Lane {
    pub(super) fn new(is_bulk: bool) -> Self {
        let state = State::Idle {
            not_before: Instant::now(),
            pause: Duration::ZERO,
            reason: Arc::from("it was not dialled yet"),
        };
        Self { state: watch::Sender::new(state), is_bulk }
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
                    State::Open { requests, number } => {
                        let open = Open { requests: requests.clone(), number: *number };
                        result = Some(Ok(open));
                    }
                    State::Dialling { .. } => waited = true,
                    State::Idle { not_before, reason, .. }
                        if waited || Instant::now() < *not_before =>
                    {
                        result = Some(Err(reason.clone()));
                    }
                    State::Idle { pause, .. } => {
                        dials = Some(*pause);
                        *state = State::Dialling { pause: *pause };
                    }
                }
                dials.is_some()
            });
            if let Some(result) = result {
                return result;
            }
            if dials.is_some() {
                let settles = Settles::new(link.clone(), at);
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
        self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Open { number, .. } if *number == open.number);
            if is_it {
                *state = State::Idle {
                    not_before: Instant::now(),
                    pause: Duration::ZERO,
                    reason: Arc::from("the connection closed"),
                };
            }
            is_it
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
    let dialled = tokio::select! {
        biased;
        () = link.cut.cancelled() => Err("it left the roster, or this node ends".to_owned()),
        dialled = dial(&link.shared.credentials, &peer, &link.health, &link.cut) => dialled,
    };
    let Dialled { requests, connection, pings, heard } = match dialled {
        Ok(dialled) => dialled,
        Err(reason) => {
            link.health.reached_set(false);
            settles.reason = Arc::from(reason);
            return;
        }
    };
    tracing::debug!(node = %link.node, bulk = lane.is_bulk, "connected");
    settles.opened(requests);
    // A round trip beside long bodies says nothing of the way.
    let health = (!lane.is_bulk).then(|| link.health.clone());
    let reason = tokio::select! {
        biased;
        () = link.cut.cancelled() => "it left the roster, or this node ends".to_owned(),
        ended = connection => {
            ended.err().map_or("it was closed".to_owned(), |error| error.to_string())
        }
        silent = keep(pings, heard, health) => silent.to_owned(),
    };
    tracing::debug!(node = %link.node, bulk = lane.is_bulk, reason, "disconnected");
    link.health.reached_set(false);
    settles.reason = Arc::from(reason);
}

/// Leaves the lane idle when the task ends, however it ends.
struct Settles {
    link: Arc<Link>,
    at: usize,
    number: u64,
    opened: Option<Instant>,
    reason: Arc<str>,
}

impl Settles {
    fn new(link: Arc<Link>, at: usize) -> Self {
        let number = link.shared.number();
        Self { link, at, number, opened: None, reason: Arc::from("its task broke") }
    }

    fn opened(&mut self, requests: SendRequest<Bytes>) {
        self.opened = Some(Instant::now());
        if let Some(lane) = self.link.lanes.get(self.at) {
            lane.state.send_replace(State::Open { requests, number: self.number });
        }
    }
}

impl Drop for Settles {
    fn drop(&mut self) {
        let Some(lane) = self.link.lanes.get(self.at) else { return };
        let proven = self.opened.is_some_and(|at| at.elapsed() >= PROVEN_AFTER);
        let idle = |earlier: Duration| {
            let pause = (earlier * 2).clamp(REDIAL_AFTER_MIN, REDIAL_AFTER_MAX);
            let now = Instant::now();
            let (not_before, pause) =
                if proven { (now, Duration::ZERO) } else { (now + pause, pause) };
            State::Idle { not_before, pause, reason: self.reason.clone() }
        };
        lane.state.send_if_modified(|state| {
            match state {
                State::Dialling { pause } if self.opened.is_none() => *state = idle(*pause),
                State::Open { number, .. } if *number == self.number => {
                    *state = idle(Duration::ZERO);
                }
                // Given up before, and perhaps dialled again since.
                _ => return false,
            }
            true
        });
    }
}
