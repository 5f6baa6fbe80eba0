//! The task tree: one task per duty, all ended together.
//!
//! **Invariant**: no duty ends before it is told to without somebody being told. Told to
//! end, it is cut where it stands: each step may be cut anywhere, as by a loss of power.

use core::pin::Pin;
use core::time::Duration;
use std::sync::atomic::Ordering;

use thiserror::Error;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::limits::{
    COMPACTION_EVERY, REST, REST_AFTER_FAILURE, SETTLE_EVERY, SHRED_EVERY, SHUTDOWN_MAX,
    UNREADABLE_EVERY, WALK_REST,
};
use crate::{Steward, StewardError};

/// The running duties. Dropping it cuts them; [`Tasks::shutdown`] waits for that too.
#[derive(Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: Vec<(Id, &'static str)>,
    stop: CancellationToken,
}

/// A duty that ended although nobody told it to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{duty} stopped working: {reason}")]
pub struct DutyEnded {
    /// Which.
    pub duty: &'static str,
    /// Why.
    pub reason: String,
}

impl Tasks {
    /// Waits until a duty ends although nobody told it to.
    // Cancel-safety: what has ended is told by the call that returns, and by no other.
    pub async fn first_failure(&mut self) -> DutyEnded {
        let Some(ended) = self.running.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (id, reason) = match ended {
            Ok((id, ())) => (id, "it ended".to_owned()),
            Err(error) => (error.id(), error.to_string()),
        };
        DutyEnded { duty: self.name_of(id), reason }
    }

    fn name_of(&self, id: Id) -> &'static str {
        self.names.iter().find(|(known, _)| *known == id).map_or("a duty", |(_, name)| name)
    }

    /// Cuts all duties and waits until they have ended, up to a limit.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_MAX, all).await.is_err() {
            tracing::warn!(left = self.running.len(), "duties did not end in time");
        }
    }

    /// Starts a duty, which goes on until it is cut.
    fn start(&mut self, duty: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let handle = self.running.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
        self.names.push((handle.id(), duty));
    }
}

type Step = Pin<Box<dyn Future<Output = Result<Duration, StewardError>> + Send>>;

impl Steward {
    /// Starts all duties on the current runtime.
    pub fn start(&self) -> Tasks {
        let mut tasks = Tasks::default();
        self.duty(&mut tasks, "clean-up", |steward| {
            Box::pin(async move {
                let condemned = steward.abandoned_step().await?;
                let gone = steward.clean_up_step().await?;
                Ok(if condemned + gone > 0 { Duration::ZERO } else { REST })
            })
        });
        self.duty(&mut tasks, "repair", |steward| {
            Box::pin(async move {
                let walking = steward.damage_step().await?;
                let outcome = steward.repair_step().await?;
                Ok(match (outcome.repaired, walking) {
                    (1.., _) => Duration::ZERO,
                    (0, true) => WALK_REST,
                    (0, false) => REST,
                })
            })
        });
        self.duty(&mut tasks, "compaction", |steward| {
            Box::pin(async move {
                let worked = steward.compaction_step().await?;
                Ok(if worked { REST } else { COMPACTION_EVERY })
            })
        });
        self.duty(&mut tasks, "orphan sweep", |steward| {
            Box::pin(async move {
                steward.orphan_sweep().await?;
                Ok(steward.shared.settings.orphan_period)
            })
        });
        self.duty(&mut tasks, "lifecycle", |steward| {
            Box::pin(async move {
                let finished = steward.lifecycle_step().await?;
                Ok(if finished { steward.shared.settings.lifecycle_period } else { Duration::ZERO })
            })
        });
        self.duty(&mut tasks, "key shredding", |steward| {
            Box::pin(async move {
                steward.shred_step().await?;
                Ok(SHRED_EVERY)
            })
        });
        self.duty(&mut tasks, "what cannot be read", |steward| {
            Box::pin(async move {
                steward.unreadable_step().await?;
                Ok(UNREADABLE_EVERY)
            })
        });
        self.duty(&mut tasks, "names of what cannot be read", |steward| {
            Box::pin(async move {
                let more = steward.unreadable_names_step().await?;
                Ok(if more { WALK_REST } else { UNREADABLE_EVERY })
            })
        });
        self.duty(&mut tasks, "settling", |steward| {
            Box::pin(async move {
                steward.settle_step().await?;
                Ok(SETTLE_EVERY)
            })
        });
        self.duty(&mut tasks, "key rotation", |steward| {
            Box::pin(async move {
                if steward.rotation_step().await? {
                    return Ok(Duration::ZERO);
                }
                steward.shared.rotation_wanted.notified().await;
                Ok(Duration::ZERO)
            })
        });
        self.scrub_duty(&mut tasks);
        tasks
    }

    /// Calls a duty again and again; it says how long to rest.
    fn duty(&self, tasks: &mut Tasks, name: &'static str, step: fn(Self) -> Step) {
        let steward = self.clone();
        tasks.start(name, async move {
            loop {
                let rest = match step(steward.clone()).await {
                    Ok(rest) => rest,
                    Err(error) => steward.step_failed(name, &error),
                };
                tokio::time::sleep(rest).await;
            }
        });
    }

    /// Rounds one after the other at the rate that is set; at once and without
    /// rests when somebody asks.
    fn scrub_duty(&self, tasks: &mut Tasks) {
        let steward = self.clone();
        tasks.start("scrub", async move {
            let mut rest = match steward.scrub_wait().await {
                Ok(rest) => rest,
                Err(error) => steward.step_failed("scrub", &error),
            };
            loop {
                tokio::select! {
                    () = steward.shared.scrub_wanted.notified() => {}
                    () = tokio::time::sleep(rest) => {}
                }
                rest = match steward.scrub_step().await {
                    Ok(Some(bytes)) => steward.scrub_rest(bytes),
                    Ok(None) => steward.shared.settings.scrub_period,
                    Err(error) => steward.step_failed("scrub", &error),
                };
            }
        });
    }

    /// How long to rest after scrubbing so many bytes.
    fn scrub_rest(&self, bytes: u64) -> Duration {
        if self.shared.scrub_hurry.load(Ordering::SeqCst) {
            return Duration::ZERO;
        }
        self.read_rest(bytes)
    }

    /// How long to rest after reading so many bytes on the steward's own account.
    pub(crate) fn read_rest(&self, bytes: u64) -> Duration {
        let rate = self.shared.settings.scrub_bytes_per_second.get().max(1);
        Duration::from_millis(bytes.saturating_mul(1_000) / rate)
    }

    fn step_failed(&self, duty: &'static str, error: &StewardError) -> Duration {
        let source = core::error::Error::source(error).map(ToString::to_string);
        let words = format!("{duty}: {error}: {}", source.unwrap_or_default());
        if error.is_for_the_clock() {
            tracing::debug!(duty, "a step waits for the clock");
        } else {
            tracing::warn!(duty, %error, "a step failed and will be tried again");
        }
        self.count(|status| status.last_error = Some(words));
        REST_AFTER_FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far less than [`SHUTDOWN_MAX`], and ample for a machine that is busy.
    const PROMPT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_duty_that_panics_is_named_with_its_reason() {
        let mut tasks = Tasks::default();
        tasks.start("the steady one", std::future::pending());
        tasks.start("the frail one", async { panic!("of this test") });
        let ended = tasks.first_failure().await;
        assert_eq!(ended.duty, "the frail one");
        assert!(ended.reason.contains("of this test"), "{ended}");
        let other = tokio::time::timeout(Duration::ZERO, tasks.first_failure()).await;
        assert!(other.is_err(), "the steady one goes on");
        tasks.shutdown().await;
    }

    #[tokio::test]
    async fn a_duty_that_ends_is_a_failure_too() {
        let mut tasks = Tasks::default();
        tasks.start("the brief one", async {});
        assert_eq!(
            tasks.first_failure().await.to_string(),
            "the brief one stopped working: it ended"
        );
    }

    #[tokio::test]
    async fn duties_are_cut_in_the_middle_of_a_step() {
        let mut tasks = Tasks::default();
        let (step, cut) = tokio::sync::oneshot::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        tasks.start("the long one", async move {
            let _step = step;
            let _ = begun.send(());
            std::future::pending::<()>().await;
        });
        assert!(begins.await.is_ok());
        assert!(tokio::time::timeout(PROMPT, tasks.shutdown()).await.is_ok());
        assert!(cut.await.is_err(), "it has let go of everything");
    }
}
