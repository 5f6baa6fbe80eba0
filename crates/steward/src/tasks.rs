//! The task tree: one task per duty, all ended together.

use core::pin::Pin;
use core::time::Duration;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits::{
    COMPACTION_EVERY, REST, REST_AFTER_FAILURE, SETTLE_EVERY, SHRED_EVERY, UNREADABLE_EVERY,
    WALK_REST,
};
use crate::{Steward, StewardError};

/// The running duties. Dropping it cancels them; [`Tasks::shutdown`] waits too.
pub struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Tasks {
    /// Ends all duties at their next rest and waits for them.
    pub async fn shutdown(self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

/// Duties that may wait long inside a step, and may be cut anywhere.
const WAITS: &[&str] = &["key rotation", "what cannot be read"];

type Step = Pin<Box<dyn Future<Output = Result<Duration, StewardError>> + Send>>;

impl Steward {
    /// Starts all duties on the current runtime.
    pub fn start(&self) -> Tasks {
        let tasks = Tasks { tracker: TaskTracker::new(), token: CancellationToken::new() };
        self.duty(&tasks, "clean-up", |steward| {
            Box::pin(async move {
                let condemned = steward.abandoned_step().await?;
                let gone = steward.clean_up_step().await?;
                Ok(if condemned + gone > 0 { Duration::ZERO } else { REST })
            })
        });
        self.duty(&tasks, "repair", |steward| {
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
        self.duty(&tasks, "compaction", |steward| {
            Box::pin(async move {
                let worked = steward.compaction_step().await?;
                Ok(if worked { REST } else { COMPACTION_EVERY })
            })
        });
        self.duty(&tasks, "orphan sweep", |steward| {
            Box::pin(async move {
                steward.orphan_sweep().await?;
                Ok(steward.shared.settings.orphan_period)
            })
        });
        self.duty(&tasks, "lifecycle", |steward| {
            Box::pin(async move {
                let finished = steward.lifecycle_step().await?;
                Ok(if finished { steward.shared.settings.lifecycle_period } else { Duration::ZERO })
            })
        });
        self.duty(&tasks, "key shredding", |steward| {
            Box::pin(async move {
                steward.shred_step().await?;
                Ok(SHRED_EVERY)
            })
        });
        self.duty(&tasks, "what cannot be read", |steward| {
            Box::pin(async move {
                steward.unreadable_step().await?;
                Ok(UNREADABLE_EVERY)
            })
        });
        self.duty(&tasks, "names of what cannot be read", |steward| {
            Box::pin(async move {
                let more = steward.unreadable_names_step().await?;
                Ok(if more { WALK_REST } else { UNREADABLE_EVERY })
            })
        });
        self.duty(&tasks, "settling", |steward| {
            Box::pin(async move {
                steward.settle_step().await?;
                Ok(SETTLE_EVERY)
            })
        });
        self.duty(&tasks, "key rotation", |steward| {
            Box::pin(async move {
                if steward.rotation_step().await? {
                    return Ok(Duration::ZERO);
                }
                steward.shared.rotation_wanted.notified().await;
                Ok(Duration::ZERO)
            })
        });
        self.scrub_duty(&tasks);
        tasks
    }

    /// Calls a duty again and again; it says how long to rest.
    fn duty(&self, tasks: &Tasks, name: &'static str, step: fn(Self) -> Step) {
        let (steward, token) = (self.clone(), tasks.token.clone());
        tasks.tracker.spawn(async move {
            while !token.is_cancelled() {
                let step = step(steward.clone());
                let done = if WAITS.contains(&name) {
                    tokio::select! {
                        () = token.cancelled() => break,
                        done = step => done,
                    }
                } else {
                    step.await
                };
                let rest = match done {
                    Ok(rest) => rest,
                    Err(error) => steward.step_failed(name, &error),
                };
                tokio::select! {
                    () = token.cancelled() => break,
                    () = tokio::time::sleep(rest) => {}
                }
            }
        });
    }

    /// Rounds one after the other at the rate that is set; at once and without
    /// rests when somebody asks.
    fn scrub_duty(&self, tasks: &Tasks) {
        let (steward, token) = (self.clone(), tasks.token.clone());
        tasks.tracker.spawn(async move {
            let mut rest = match steward.scrub_wait().await {
                Ok(rest) => rest,
                Err(error) => steward.step_failed("scrub", &error),
            };
            loop {
                tokio::select! {
                    () = token.cancelled() => break,
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
