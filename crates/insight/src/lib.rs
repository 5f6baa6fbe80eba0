//! What an operator can see of a node: metrics, health, the log and the last
//! errors.
//!
//! The rooms below only speak through the `metrics` and `tracing` façades;
//! this room decides what becomes of what they say. It adds no opinion of its
//! own about the node: whoever composes the node sets the gauges and the health
//! of each component.
//!
//! **Invariants**
//! - No secret reaches the log: fields whose name promises one are blanked, and
//!   so are the signed parts of query strings, whatever the field.
//! - No label is unbounded: a metric that has as many series as
//!   [`limits::SERIES_PER_METRIC_MAX`] gets no more, whoever asks.
//! - Nothing here blocks on anything but its own short locks and the log's output.

mod errors;
mod health;
pub mod limits;
mod line;
mod logs;
mod metric;
pub mod names;
mod recorder;
mod redact;
mod routes;

pub use errors::{LastError, LastErrors};
pub use health::{Health, NotReady};
pub use logs::{LogError, LogFormat, LogLayer, install as logs_install};
pub use metric::{Metrics, MetricsError};
pub use routes::router;

/// Everything an operator can look at, in one handle; clones share it.
#[derive(Clone)]
pub struct Insight {
    /// The registry behind `/metrics`.
    pub metrics: Metrics,
    /// The state of each component behind `/health/ready`.
    pub health: Health,
    /// The last warnings and errors.
    pub errors: LastErrors,
}
