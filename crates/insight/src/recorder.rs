//! A recorder that bounds how many series a metric may have.
//!
//! A label fed from a request (a bucket, a key, a made-up verb) would let any
//! client grow the node's memory and drown the operator's graphs. Here the
//! first series of each metric are let through, the rest count nowhere.

use std::collections::{HashMap, HashSet};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use parking_lot::RwLock;

use crate::limits::SERIES_PER_METRIC_MAX;

/// Passes metrics on to another recorder, up to a number of series each.
pub(crate) struct Bounded<R> {
    inner: R,
    series: RwLock<HashMap<String, HashSet<Key>>>,
}

impl<R> Bounded<R> {
    /// Bounds what reaches `inner`.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, series: RwLock::new(HashMap::new()) }
    }

    /// Whether this series is among the first of its metric.
    fn admits(&self, key: &Key) -> bool {
        if self.series.read().get(key.name()).is_some_and(|known| known.contains(key)) {
            return true;
        }
        let mut series = self.series.write();
        let known = series.entry(key.name().to_owned()).or_default();
        known.len() < SERIES_PER_METRIC_MAX && known.insert(key.clone())
    }
}

impl<R: Recorder> Recorder for Bounded<R> {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_counter(name, unit, help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_gauge(name, unit, help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_histogram(name, unit, help);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        if self.admits(key) { self.inner.register_counter(key, metadata) } else { Counter::noop() }
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        if self.admits(key) { self.inner.register_gauge(key, metadata) } else { Gauge::noop() }
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        if self.admits(key) {
            self.inner.register_histogram(key, metadata)
        } else {
            Histogram::noop()
        }
    }
}
