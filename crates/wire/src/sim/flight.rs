//! One call on its way, and what can end it before its time.

use std::sync::Arc;

use futures::future::pending;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};
use units::{NodeId, planted};

use super::network::SimNetwork;
use super::node::SimNode;
use crate::Caller;
use crate::admit::{admit, peer};
use crate::limits::SILENCE_NOTICED_AFTER;

/// A call between two processes.
pub(super) struct Flight {
    pub network: Arc<SimNetwork>,
    pub from: Arc<SimNode>,
    pub to: Arc<SimNode>,
    pub caller: Caller,
    /// When the other node learns that nobody waits for the answer any more.
    pub left: Mutex<Option<Instant>>,
}

/// Somebody waits for the answer, or reads it.
pub(super) struct Waits(pub Arc<Flight>);

impl Drop for Waits {
    fn drop(&mut self) {
        let flight = &self.0;
        let now = Instant::now();
        let is_cut = flight.network.way(flight.from.me, flight.to.me).cut_since(now).is_some();
        let learns = if is_cut { now + SILENCE_NOTICED_AFTER } else { now };
        *flight.left.lock() = Some(learns);
        flight.network.changed();
    }
}

impl Flight {
    /// Why the connection is no more, if it is not.
    pub(super) fn broken(&self) -> Option<&'static str> {
        if self.from.has_ended() {
            return Some("this process ended");
        }
        if self.to.has_ended() {
            return Some("the other process ended");
        }
        if self.left.lock().is_some_and(|at| at <= Instant::now()) {
            return Some("the caller is gone");
        }
        if planted::is_on("wire-keeps-removed") {
            return None;
        }
        let pinned = peer(&self.from.roster.read(), self.to.me).map(|peer| peer.key);
        if pinned != Some(self.to.key) {
            return Some("the other node left the roster");
        }
        // Whoever joins hears the answer, though the answer closes the invitation.
        let invited = matches!(self.caller, Caller::Invited(_));
        if !invited && admit(&self.to.roster.read(), self.from.key) != Some(self.caller) {
            return Some("the other node let this one in no longer");
        }
        None
    }

    /// Waits for the connection to break.
    pub(super) async fn breaks(&self) -> &'static str {
        let mut changes = self.network.changes();
        loop {
            changes.mark_unchanged();
            if let Some(reason) = self.broken() {
                return reason;
            }
            let left = *self.left.lock();
            let left = async {
                match left {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                () = left => {}
                changed = changes.changed() => if changed.is_err() {
                    return "the network ended";
                }
            }
        }
    }

    /// Waits for the way to be open; gives up after as long as a silent connection lasts.
    pub(super) async fn pass(&self, from: NodeId, to: NodeId) -> Result<(), &'static str> {
        let mut changes = self.network.changes();
        let until = Instant::now() + SILENCE_NOTICED_AFTER;
        loop {
            changes.mark_unchanged();
            let way = self.network.way(from, to);
            let now = Instant::now();
            if way.cut_since(now).is_none() {
                return Ok(());
            }
            if now >= until {
                return Err("nothing more was heard");
            }
            let turns = way.turns_at(now).map_or(until, |at| at.min(until));
            tokio::select! {
                biased;
                () = sleep_until(turns) => {}
                changed = changes.changed() => changed.map_err(|_| "the network ended")?,
            }
        }
    }

    /// Takes a message there, in its time.
    pub(super) async fn carry(&self, from: NodeId, to: NodeId) -> Result<(), &'static str> {
        let way = self.network.way(from, to);
        let delay = self.network.delay_drawn(&way);
        self.pass(from, to).await?;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        Ok(())
    }
}
