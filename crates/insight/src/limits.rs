//! What insight may hold at most.

/// Series one metric may have: verbs times statuses fit, object keys never do.
pub const SERIES_PER_METRIC_MAX: usize = 1_024;

/// Warnings and errors kept for the status page; older ones are in the log.
pub const LAST_ERRORS_MAX: usize = 64;

/// A kept message is cut here, so that the ring has a size in bytes too.
pub const LAST_ERROR_BYTES_MAX: usize = 512;

/// A field's value is cut here in the log: object keys are at most 1,024 bytes.
pub const FIELD_BYTES_MAX: usize = 4_096;

/// Components that may report their health; the node has about a dozen.
pub const COMPONENTS_MAX: usize = 256;

/// Upper bounds of the histograms of durations, in seconds: from a page-cache
/// read to a client that has given up.
pub const SECONDS_BUCKETS: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
