//! The registry behind `/metrics`.

use metrics::{Recorder, Unit};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

use crate::limits::SECONDS_BUCKETS;
use crate::names::{Kind, METRICS};
use crate::recorder::Bounded;

/// The metrics could not be set up.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// The exporter refused its configuration.
    #[error("the metrics exporter could not be built")]
    Build(#[source] BuildError),
    /// The process already has a recorder.
    #[error("metrics are already being recorded in this process")]
    AlreadyInstalled,
}

/// Reads the metrics of this process; clones share the registry.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Makes this process record metrics; once per process.
    pub fn install() -> Result<Self, MetricsError> {
        let (metrics, recorder) = Self::build()?;
        metrics::set_global_recorder(recorder).map_err(|_| MetricsError::AlreadyInstalled)?;
        Ok(metrics)
    }

    /// A registry of its own, not yet known to the process.
    fn build() -> Result<(Self, Bounded<impl Recorder>), MetricsError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&SECONDS_BUCKETS)
            .map_err(MetricsError::Build)?
            .build_recorder();
        let handle = recorder.handle();
        let bounded = Bounded::new(recorder);
        describe(&bounded);
        Ok((Self { handle }, bounded))
    }

    /// The metrics in the Prometheus text format.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Folds waiting samples into their histograms; to be called now and then,
    /// so that a node nobody scrapes does not collect samples for ever.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Tells a recorder what each metric of the table is.
fn describe(recorder: &impl Recorder) {
    for metric in METRICS {
        let help = metric.help.into();
        match metric.kind {
            Kind::Counter => recorder.describe_counter(metric.name.into(), None, help),
            Kind::Gauge => recorder.describe_gauge(metric.name.into(), None, help),
            Kind::Histogram => {
                recorder.describe_histogram(metric.name.into(), Some(Unit::Seconds), help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use crate::limits::SERIES_PER_METRIC_MAX;
    use crate::names;

    #[test]
    fn the_text_has_help_type_and_values() {
        let (metrics, recorder) = Metrics::build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!(names::S3_REQUESTS, "verb" => "GetObject", "status" => "200")
                .increment(3);
            metrics::gauge!(names::TENANTS).set(2.0);
            metrics::histogram!(names::LOG_SYNC_SECONDS).record(0.004);
        });
        let text = metrics.render();
        for line in [
            "# TYPE essaim_s3_requests_total counter",
            "# HELP essaim_tenants Tenants in the catalog.",
            "essaim_s3_requests_total{verb=\"GetObject\",status=\"200\"} 3",
            "essaim_tenants 2",
            "essaim_log_sync_duration_seconds_bucket{le=\"0.005\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing from\n{text}");
        }
    }

    #[test]
    fn a_label_from_a_request_cannot_grow_without_end() {
        let (metrics, recorder) = Metrics::build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            for key in 0..SERIES_PER_METRIC_MAX * 2 {
                metrics::counter!(names::S3_REQUESTS, "verb" => key.to_string()).increment(1);
            }
        });
        let series = metrics.render().lines().filter(|l| l.starts_with("essaim_s3_req")).count();
        assert_eq!(series, SERIES_PER_METRIC_MAX);
    }
}
