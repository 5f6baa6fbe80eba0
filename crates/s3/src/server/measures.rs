//! Counts and times of requests, by verb and status.
//!
//! The handles are kept: looking them up by name and labels costs more than
//! counting.

use core::time::Duration;
use std::collections::HashMap;

use http::StatusCode;
use metrics::{Counter, Histogram};
use parking_lot::RwLock;

/// Requests answered, by verb and status.
const REQUESTS: &str = "essaim_s3_requests_total";

/// Time from a request's head to its answer's head, by verb.
const SECONDS: &str = "essaim_s3_request_duration_seconds";

/// Verb and status; both are from small fixed sets.
type Labels = (&'static str, &'static str);

/// The handles of all labels that occurred.
#[derive(Default)]
pub(super) struct Measures {
    handles: RwLock<HashMap<Labels, (Counter, Histogram)>>,
}

impl Measures {
    /// One request was answered.
    pub(super) fn note(&self, verb: &'static str, status: StatusCode, took: Duration) {
        let labels = (verb, label(status));
        if let Some((counter, histogram)) = self.handles.read().get(&labels) {
            counter.increment(1);
            histogram.record(took.as_secs_f64());
            return;
        }
        let counter = metrics::counter!(REQUESTS, "verb" => verb, "status" => labels.1);
        let histogram = metrics::histogram!(SECONDS, "verb" => verb);
        counter.increment(1);
        histogram.record(took.as_secs_f64());
        self.handles.write().insert(labels, (counter, histogram));
    }
}

/// The status as a label that costs nothing.
fn label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        204 => "204",
        206 => "206",
        301..400 => "3xx",
        403 => "403",
        404 => "404",
        400..500 => "4xx",
        503 => "503",
        500..600 => "5xx",
        _ => "2xx",
    }
}
