//! Asks every other node what its wall clock says, so that [`Clocks`] knows.
//!
//! ```text
//!  asked at 100.0 s ──────────────►
//!                   ◄────────────── 22:00:07        so it said 22:00:07 at 100.1 s,
//!  answered at 100.2 s                              give or take 0.1 s
//! ```
//! All with a seat are asked, also those who do not vote yet: who begins to vote is known.
//!
//! **Invariant**: an answer that was under way for longer than [`limits::CLOCK_ASK_WITHIN`]
//! says nothing.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use openraft::ServerState;
use units::{Clock as _, NodeId, Timestamp};
use wire::{CallError, Transport};

use crate::clocks::{Clocks, Word};
use crate::limits;
use crate::member::Member;
use crate::message::{self, Kind};
use crate::stamps::Stamps;
use crate::types::Raft;

/// The task that asks.
pub(crate) struct ClockAsking {
    pub(crate) raft: Raft,
    pub(crate) me: NodeId,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) stamps: Arc<Stamps>,
}

/// Whom to ask, and whom not again yet.
#[derive(Default)]
struct Round {
    leads: bool,
    under_way: BTreeSet<NodeId>,
    asked: BTreeMap<NodeId, Duration>,
}

impl ClockAsking {
    /// Until the Raft instance ends.
    pub(crate) async fn run(self) {
        let mut looks = tokio::time::interval(limits::CLOCK_LOOK_INTERVAL);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut asking: FuturesUnordered<BoxFuture<'static, NodeId>> = FuturesUnordered::new();
        let mut round = Round::default();
        let mut is_off = false;
        loop {
            tokio::select! {
                biased;
                Some(node) = asking.next(), if !asking.is_empty() => {
                    round.under_way.remove(&node);
                }
                _ = looks.tick() => {
                    self.stamps.settle();
                    is_off = self.tell(is_off);
                    let Some((members, leads)) = self.members() else { return };
                    for node in self.due(&mut round, &members, leads) {
                        let (transport, clocks) =
                            (Arc::clone(&self.transport), Arc::clone(&self.clocks));
                        asking.push(Box::pin(async move {
                            ask(&*transport, &clocks, node).await;
                            node
                        }));
                    }
                }
            }
        }
    }

    /// All others with a seat, and whether this node leads; none once it has ended.
    fn members(&self) -> Option<(BTreeSet<NodeId>, bool)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        metrics.running_state.as_ref().ok()?;
        let seats = metrics.membership_config.membership().nodes();
        let others = seats.map(|(member, _)| Member::node(*member)).filter(|node| *node != self.me);
        Some((others.collect(), metrics.state == ServerState::Leader))
    }

    /// Whom to ask now.
    fn due(&self, round: &mut Round, members: &BTreeSet<NodeId>, leads: bool) -> Vec<NodeId> {
        self.clocks.keep(members);
        round.asked.retain(|node, _| members.contains(node));
        if leads && !round.leads {
            // It stamps from now on.
            round.asked.retain(|node, _| self.clocks.knows(*node));
        }
        round.leads = leads;
        let pause = match self.clocks.time() {
            Some(_) => limits::CLOCK_ASK_EVERY,
            None => limits::CLOCK_ASK_AGAIN,
        };
        let now = self.clocks.elapsed();
        let is_due = |node: &NodeId| {
            let asked = round.asked.get(node);
            !round.under_way.contains(node)
                && asked.is_none_or(|asked| now.saturating_sub(*asked) >= pause)
        };
        let due: Vec<_> = members.iter().copied().filter(is_due).collect();
        round.asked.extend(due.iter().map(|node| (*node, now)));
        round.under_way.extend(&due);
        due
    }

    /// Says in the log that this machine's clock is off, once; and once that it is not.
    fn tell(&self, was_off: bool) -> bool {
        let off = self.clocks.off();
        match off {
            Some(off) if !was_off => tracing::warn!(
                seconds = off.apart().as_secs(),
                is_ahead = off.is_ahead(),
                "the clock of this machine differs from those of the other sites: set it right"
            ),
            None if was_off => tracing::info!("the clock of this machine is as the others' again"),
            _ => {}
        }
        off.is_some()
    }
}

/// Asks one.
async fn ask(transport: &dyn Transport, clocks: &Clocks, node: NodeId) {
    let Ok(call) = message::call(Kind::Clock, &()) else { return };
    let sent = clocks.elapsed();
    let replied = transport.call(node, call, limits::CLOCK_ASK_WITHIN).await;
    let word = match replied {
        Ok(reply) => match message::said::<Timestamp>(reply).await {
            Ok(time) => Word::Says(time),
            Err(_) => return,
        },
        Err(CallError::Refused { refused, .. }) if message::is_unknown(Kind::Clock, &refused) => {
            Word::Agrees
        }
        Err(_) => return,
    };
    // By a watch that goes on while the machine sleeps.
    let took = clocks.elapsed().saturating_sub(sent);
    if took <= limits::CLOCK_ASK_WITHIN {
        clocks.note(node, word, sent + took / 2);
    }
}
