//! What other nodes have said of their disks, and how long ago.
//!
//! A report holds for a while. It holds no longer when the node is known not to be
//! reached: what fails on the way to it puts the report in doubt until the next comes.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use units::{DiskId, NodeId, planted};

use crate::{DiskReport, NodeReport};

/// What is known of one node.
#[derive(Clone, Debug, Default)]
struct Heard {
    report: Option<(Instant, NodeReport)>,
    /// Something failed on the way to it since.
    doubted: bool,
}

impl Heard {
    fn holds(&self, age_max: Duration) -> Option<&NodeReport> {
        let (at, report) = self.report.as_ref()?;
        if planted::is_on("fragments-trusts-old-reports") {
            return Some(report);
        }
        (!self.doubted && at.elapsed() <= age_max).then_some(report)
    }
}

/// What is known of the other nodes.
#[derive(Debug)]
pub(crate) struct Reports {
    nodes: Mutex<BTreeMap<NodeId, Heard>>,
    age_max: Duration,
    /// How many ask for reports; without any, nothing is known against a node.
    watching: AtomicUsize,
    /// Told when asking at once may change something.
    pub(crate) wanted: Notify,
}

/// Somebody asks for reports as long as this lives.
pub(crate) struct Watching<'a>(&'a Reports);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.watching.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Reports {
    pub(crate) fn new(age_max: Duration) -> Self {
        let (nodes, watching, wanted) = Default::default();
        Self { nodes, age_max, watching, wanted }
    }

    /// Notes that somebody asks for reports.
    pub(crate) fn watching(&self) -> Watching<'_> {
        self.watching.fetch_add(1, Ordering::SeqCst);
        Watching(self)
    }

    /// A node has said how its disks do.
    pub(crate) fn heard(&self, node: NodeId, report: NodeReport) {
        let heard = Heard { report: Some((Instant::now(), report)), doubted: false };
        self.nodes.lock().insert(node, heard);
    }

    /// A node did not say.
    pub(crate) fn unheard(&self, node: NodeId) {
        self.nodes.lock().entry(node).or_default();
    }

    /// Something failed on the way to a node: what it said last says nothing any more.
    pub(crate) fn doubt(&self, node: NodeId) {
        let mut nodes = self.nodes.lock();
        let heard = nodes.entry(node).or_default();
        if !heard.doubted {
            heard.doubted = true;
            drop(nodes);
            self.wanted.notify_one();
        }
    }

    /// Forgets all but these nodes.
    pub(crate) fn retain(&self, nodes: &BTreeSet<NodeId>) {
        self.nodes.lock().retain(|node, _| nodes.contains(node));
    }

    /// What a node says of one of its disks, if it has answered lately.
    pub(crate) fn disk(&self, node: NodeId, disk: DiskId) -> Option<DiskReport> {
        let nodes = self.nodes.lock();
        let report = nodes.get(&node)?.holds(self.age_max)?;
        report.disks.iter().find(|one| one.disk == disk).copied()
    }

    /// The disks that a node has opened, if it has answered lately.
    pub(crate) fn disks(&self, node: NodeId) -> Option<BTreeSet<DiskId>> {
        let nodes = self.nodes.lock();
        let report = nodes.get(&node)?.holds(self.age_max)?;
        Some(report.disks.iter().map(|one| one.disk).collect())
    }

    /// Whether a node has answered lately; none if nobody has asked it yet.
    pub(crate) fn has_answered(&self, node: NodeId) -> Option<bool> {
        if self.watching.load(Ordering::SeqCst) == 0 {
            return None;
        }
        self.nodes.lock().get(&node).map(|heard| heard.holds(self.age_max).is_some())
    }

    /// How long ago a node last said how its disks do.
    pub(crate) fn age(&self, node: NodeId) -> Option<Duration> {
        self.nodes.lock().get(&node)?.report.as_ref().map(|(at, _)| at.elapsed())
    }
}
