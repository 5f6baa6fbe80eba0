//! What a simulated node holds.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};
use units::NodeId;

use super::body::carried;
use super::flight::{Flight, Waits};
use super::network::SimNetwork;
use super::node::SimNode;
use crate::admit::{admit, peer};
use crate::answer::{Answer, head_checked};
use crate::limits::{SILENCE_NOTICED_AFTER, SIM_REFUSED_AFTER};
use crate::{
    Call, CallError, Caller, Contact, GuestError, Handler, Reply, Roster, Service, Transport,
};

/// The simulated half of [`Transport`].
pub struct SimTransport {
    network: Arc<SimNetwork>,
    node: Arc<SimNode>,
}

/// The simulated half of a machine that is about to join.
pub struct SimGuest {
    transport: Arc<SimTransport>,
    server: NodeId,
}

impl SimGuest {
    pub(super) const fn new(transport: Arc<SimTransport>, server: NodeId) -> Self {
        Self { transport, server }
    }

    /// Asks the node that it knows.
    pub async fn call(&self, call: Call, within: Duration) -> Result<Reply, GuestError> {
        Ok(self.transport.call(self.server, call, within).await?)
    }
}

impl SimTransport {
    pub(super) const fn new(network: Arc<SimNetwork>, node: Arc<SimNode>) -> Self {
        Self { network, node }
    }

    /// A call to another node. `sent` says whether the question has left.
    async fn ask(
        &self,
        to: NodeId,
        mut call: Call,
        within: Duration,
        sent: &AtomicBool,
    ) -> Result<Reply, CallError> {
        let me = self.node.me;
        let service = call.service;
        let flight = Arc::new(self.reach(to).await?);
        let broken = |reason: &str| CallError::Broken { node: to, reason: reason.to_owned() };
        sent.store(true, Ordering::Relaxed);
        let asked = Instant::now();
        self.carry(&flight, me, to, within).await.map_err(broken)?;
        let mut round_trip = asked.elapsed();
        self.network.counted(me, to, service, |count| count.arrived += 1);

        call.body = carried(call.body, flight.clone(), me, to, None, None);
        let waits = Waits(flight.clone());
        let answering = tokio::spawn(answer(flight.clone(), call));
        let answer = answering.await.ok().flatten();
        let Some(answer) = answer else {
            return Err(broken(flight.broken().unwrap_or("the other node ended the call")));
        };
        let answered = Instant::now();
        self.carry(&flight, to, me, within).await.map_err(broken)?;
        round_trip += answered.elapsed();
        self.node.heard(to, round_trip);
        match answer {
            Answer::Reply(Reply { head, body }) => {
                let body = carried(body, flight, to, me, Some(within), Some(waits));
                Ok(Reply { head, body })
            }
            Answer::Refused(refused) => Err(CallError::Refused { node: to, refused }),
            Answer::Failed(reason) => Err(broken(reason)),
        }
    }

    /// The connection, if there is one or can be.
    async fn reach(&self, to: NodeId) -> Result<Flight, CallError> {
        let me = self.node.me;
        let unreachable =
            |reason: &str| CallError::Unreachable { node: to, reason: reason.to_owned() };
        if self.node.has_ended() {
            return Err(unreachable("this node has shut down"));
        }
        let ways = [self.network.way(me, to), self.network.way(to, me)];
        let now = Instant::now();
        let silent = |since: Instant| now.duration_since(since) >= SILENCE_NOTICED_AFTER;
        if ways.iter().any(|way| way.cut_since(now).is_some_and(silent)) {
            sleep(SIM_REFUSED_AFTER).await;
            return Err(unreachable("no address answers"));
        }
        let pinned = peer(&self.node.roster.read(), to).map(|peer| peer.key);
        let target = self.network.running(to);
        let found = target.and_then(|target| {
            let caller = admit(&target.roster.read(), self.node.key)?;
            Some((target, caller))
        });
        match found {
            Some((target, caller)) if pinned == Some(target.key) => Ok(Flight {
                network: self.network.clone(),
                from: self.node.clone(),
                to: target,
                caller,
                left: Mutex::default(),
            }),
            _ => {
                sleep(ways[0].delay + ways[1].delay + SIM_REFUSED_AFTER).await;
                Err(unreachable("it refuses, is not there, or is another node"))
            }
        }
    }

    /// Takes one message over, or loses it.
    async fn carry(
        &self,
        flight: &Flight,
        from: NodeId,
        to: NodeId,
        within: Duration,
    ) -> Result<(), &'static str> {
        let carried = async {
            if self.network.is_lost(&self.network.way(from, to)) {
                // The connection breaks, early or so late that the call is over; no later than a
                // silence is noticed.
                let late = within.mul_f64(f64::from(self.network.drawn(1_500)) / 1_000.0);
                sleep(late.min(SILENCE_NOTICED_AFTER)).await;
                return Err("a message was lost");
            }
            flight.carry(from, to).await
        };
        tokio::select! {
            biased;
            reason = flight.breaks() => Err(reason),
            carried = carried => carried,
        }
    }

    async fn ask_itself(&self, call: Call, within: Duration) -> Result<Reply, CallError> {
        let me = self.node.me;
        let services = self.node.services.read().clone();
        match timeout(within, services.answer(Caller::Node(me), call)).await {
            Ok(Answer::Reply(reply)) => Ok(reply),
            Ok(Answer::Refused(refused)) => Err(CallError::Refused { node: me, refused }),
            Ok(Answer::Failed(reason)) => {
                Err(CallError::Broken { node: me, reason: reason.to_owned() })
            }
            Err(_) => Err(CallError::Late { node: me, within }),
        }
    }
}

/// The other side of a call; `None` if the connection breaks or nobody waits any more.
async fn answer(flight: Arc<Flight>, call: Call) -> Option<Answer> {
    let services = flight.to.services.read().clone();
    tokio::select! {
        biased;
        _ = flight.breaks() => None,
        answer = services.answer(flight.caller, call) => Some(answer),
    }
}

#[async_trait]
impl Transport for SimTransport {
    fn me(&self) -> NodeId {
        self.node.me
    }

    async fn call(&self, to: NodeId, call: Call, within: Duration) -> Result<Reply, CallError> {
        if let Err(refused) = head_checked(call.head.len()) {
            return Err(CallError::Refused { node: to, refused });
        }
        if to == self.node.me {
            return self.ask_itself(call, within).await;
        }
        if peer(&self.node.roster.read(), to).is_none() {
            return Err(CallError::NoSuchNode { node: to });
        }
        self.network.counted(self.node.me, to, call.service, |count| count.asked += 1);
        let sent = AtomicBool::new(false);
        let asked = timeout(within, self.ask(to, call, within, &sent)).await;
        let result = asked.unwrap_or_else(|_| {
            Err(if sent.load(Ordering::Relaxed) {
                CallError::Late { node: to, within }
            } else {
                let reason = format!("no connection within {within:?}");
                CallError::Unreachable { node: to, reason }
            })
        });
        if matches!(result, Err(CallError::Unreachable { .. } | CallError::Broken { .. })) {
            self.node.missed(to);
        }
        result
    }

    fn contact(&self, with: NodeId) -> Contact {
        self.node.contact(with)
    }

    fn serve(&self, service: Service, handler: Arc<dyn Handler>) {
        if !self.node.has_ended() {
            self.node.services.read().serve(service, handler);
        }
    }

    fn roster_set(&self, roster: Roster) {
        *self.node.roster.write() = roster;
        self.network.changed();
    }

    async fn shutdown(&self) {
        self.network.ended(&self.node);
    }
}
