//! Asking the other nodes how their disks do, about once a second.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval, sleep};
use units::NodeId;
use wire::Body;

use super::ask::Asker;
use super::{ClusterStore, Patience, Purpose};
use crate::NodeReport;
use crate::limits::REPORT_EVERY_MIN;
use crate::protocol::{Answer, DiskWords, Question};

impl ClusterStore {
    /// Asks every other node how its disks do, again and again, for as long as this is
    /// awaited. Without it nothing is known of others' disks.
    // Cancel-safety: what was heard is kept.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + 'static {
        let store = self.clone();
        async move {
            match &store.shared.asker {
                Some(asker) => store.watch_with(asker).await,
                None => core::future::pending().await,
            }
        }
    }

    async fn watch_with(&self, asker: &Asker) {
        let reports = &self.shared.reports;
        let _watching = reports.watching();
        let mut tick = interval(asker.waits.report_every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked = FuturesUnordered::new();
        let mut waited_for: BTreeSet<NodeId> = BTreeSet::new();
        let mut answering: BTreeSet<NodeId> = BTreeSet::new();
        loop {
            tokio::select! {
                biased;
                Some(node) = asked.next() => {
                    waited_for.remove(&node);
                    self.tell(node, &mut answering);
                    continue;
                }
                _ = tick.tick() => {}
                () = reports.wanted.notified() => sleep(REPORT_EVERY_MIN).await,
            }
            // A node that has yet to answer holds up none of the others.
            for node in self.others() {
                if waited_for.insert(node) {
                    asked.push(async move {
                        self.report_ask(asker, node).await;
                        node
                    });
                }
            }
        }
    }

    async fn report_ask(&self, asker: &Asker, node: NodeId) {
        let reports = &self.shared.reports;
        let within = asker.waits.ask.within;
        let patience = Patience { within, longest: within };
        let nothing = (Body::empty(), 0);
        let said =
            asker.ask(reports, node, Purpose::Clients, patience, &Question::Report, nothing).await;
        // The map may have changed meanwhile.
        if !self.others().contains(&node) {
            return;
        }
        match said {
            Ok((Answer::Report { disks, missing }, _)) => {
                let disks = disks.iter().map(DiskWords::report).collect();
                reports.heard(node, NodeReport { disks, missing });
            }
            other => {
                reports.unheard(node);
                tracing::debug!(%node, ?other, "a node did not say how its disks do");
            }
        }
    }

    /// Tells an operator when a node begins or ceases to answer.
    fn tell(&self, node: NodeId, answering: &mut BTreeSet<NodeId>) {
        if self.shared.reports.has_answered(node) == Some(true) {
            if answering.insert(node) {
                tracing::info!(%node, "a node answers: its disks can be reached");
            }
        } else if answering.remove(&node) {
            tracing::warn!(%node, "a node does not answer: its disks cannot be reached");
        }
    }
}
