//! Whether the node is ready, and if not, why.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use serde::Serialize;

use crate::limits::COMPONENTS_MAX;

/// A component that cannot do its work, and the reason in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// The component: `catalog`, `disk 3f…`, ….
    pub component: String,
    /// Why, and what to do if something can be done.
    pub reason: String,
}

/// The state of each component; clones share it.
///
/// A node without any component is not ready: it has not started yet.
#[derive(Clone, Debug, Default)]
pub struct Health {
    components: Arc<RwLock<BTreeMap<String, Option<String>>>>,
}

impl Health {
    /// Nothing is known yet, so nothing is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// This component does its work.
    pub fn ready(&self, component: &str) {
        self.set(component, None);
    }

    /// This component does not do its work, for this reason.
    pub fn not_ready(&self, component: &str, reason: impl Into<String>) {
        self.set(component, Some(reason.into()));
    }

    /// There is no such component any more.
    pub fn forget(&self, component: &str) {
        self.components.write().remove(component);
    }

    /// Forgets the components of which this does not hold.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.components.write().retain(|component, _| is_there(component));
    }

    fn set(&self, component: &str, reason: Option<String>) {
        let mut components = self.components.write();
        // That a node begins unready is no news; that it becomes so, and is well again, is.
        match (components.get(component), &reason) {
            (Some(None), Some(reason)) => tracing::warn!(component, %reason, "not ready any more"),
            (Some(Some(_)), None) => tracing::info!(component, "ready again"),
            _ => {}
        }
        if components.len() < COMPONENTS_MAX || components.contains_key(component) {
            components.insert(component.to_owned(), reason);
        }
    }

    /// Every component that is not ready; empty means the node is.
    pub fn reasons(&self) -> Vec<NotReady> {
        let components = self.components.read();
        if components.is_empty() {
            let reason = "the node is starting".to_owned();
            return vec![NotReady { component: "node".to_owned(), reason }];
        }
        let failing = |(component, reason): (&String, &Option<String>)| {
            let reason = reason.clone()?;
            Some(NotReady { component: component.clone(), reason })
        };
        components.iter().filter_map(failing).collect()
    }

    /// Whether every component does its work.
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Health;
    use crate::LogFormat;
    use crate::logs::tests::logged;

    #[test]
    fn a_node_is_ready_when_all_its_components_are() {
        let health = Health::new();
        assert!(!health.is_ready(), "nothing has started");
        health.not_ready("catalog", "replaying the log");
        health.ready("disk a");
        assert_eq!(health.reasons().len(), 1);
        assert_eq!(health.reasons().first().unwrap().reason, "replaying the log");
        health.ready("catalog");
        assert!(health.is_ready());
        health.not_ready("disk b", "missing");
        health.retain(|component| component != "disk b");
        assert!(health.is_ready(), "nobody waits for it");
        health.not_ready("disk b", "missing");
        health.forget("disk b");
        assert!(health.is_ready());
    }

    #[test]
    fn the_log_has_each_change_once() {
        let lines = |say: fn(&Health)| {
            let (text, _) = logged(LogFormat::Text, || say(&Health::new()));
            // After the instant: level, room, what is said.
            let said = |line: &str| line.split_once(' ').unwrap().1.to_owned();
            text.lines().map(said).collect::<Vec<_>>()
        };
        let starts = lines(|health| {
            health.not_ready("catalog", "replaying the log");
            health.not_ready("catalog", "still replaying");
            health.ready("disk a");
            health.ready("disk a");
        });
        assert!(starts.is_empty(), "a start is no news: {starts:?}");
        let changes = lines(|health| {
            health.ready("disk a");
            health.not_ready("disk a", "a sync failed");
            health.not_ready("disk a", "a sync failed");
            health.not_ready("disk a", "it is missing");
            health.ready("disk a");
            health.ready("disk a");
        });
        assert_eq!(
            changes,
            [
                "WARN  insight    not ready any more component=\"disk a\" reason=\"a sync failed\"",
                "INFO  insight    ready again component=\"disk a\"",
            ]
        );
    }
}
