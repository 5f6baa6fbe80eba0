//! The task tree: one task per duty, all ended together.
//!
//! A duty that panics is started again, after pauses that grow, and given up after some:
//! one bad row must not take the whole node from its clients at each start.
//!
//! **Invariant**: no duty ends before it is told to without somebody being told. Told to
//! end, it is cut where it stands: each step may be cut anywhere, as by a loss of power.

use core::any::Any;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use thiserror::Error;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::limits::{
    CLEARING_REST, COMPACTION_EVERY, DUTY_HEALED_AFTER, DUTY_PAUSE_FACTOR, DUTY_PAUSE_MIN,
    DUTY_RESTARTS_MAX, LEAD_LOOK_EVERY, REST, REST_AFTER_FAILURE, SETTLE_EVERY, SHRED_EVERY,
    SHUTDOWN_MAX, UNREADABLE_EVERY, WALK_REST,
};
use crate::{Steward, StewardError};

/// The running duties. Dropping it cuts them; [`Tasks::shutdown`] waits for that too.
#[derive(Default)]
pub struct Tasks {
    /// Each ends with why it did.
    running: JoinSet<String>,
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
            Ok((id, reason)) => (id, reason),
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

    /// Starts a duty, which goes on until it is cut; `tell` is told why it pauses, and
    /// with nothing that it goes on.
    fn start<W>(
        &mut self,
        duty: &'static str,
        restarts: Restarts,
        tell: impl Fn(Option<String>) + Send + 'static,
        work: impl Fn() -> W + Send + 'static,
    ) where
        W: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        let handle = self.running.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => "it was told to end".to_owned(),
                reason = restarts.keep(duty, tell, work) => reason,
            }
        });
        self.names.push((handle.id(), duty));
    }
}

/// How often, and after which pauses, a duty that panics is started again.
#[derive(Clone, Copy, Debug)]
struct Restarts {
    max: u32,
    pause: Duration,
    factor: u32,
    healed_after: Duration,
}

const RESTARTS: Restarts = Restarts {
    max: DUTY_RESTARTS_MAX,
    pause: DUTY_PAUSE_MIN,
    factor: DUTY_PAUSE_FACTOR,
    healed_after: DUTY_HEALED_AFTER,
};

impl Restarts {
    /// Keeps a duty going; why it cannot be any more.
    async fn keep<W>(
        self,
        duty: &'static str,
        tell: impl Fn(Option<String>),
        work: impl Fn() -> W,
    ) -> String
    where
        W: Future<Output = ()>,
    {
        let mut panics = 0_u32;
        let mut pause = self.pause;
        loop {
            let begun = Instant::now();
            let Err(reason) = panic_of(work()).await else { return "it ended".to_owned() };
            if begun.elapsed() >= self.healed_after {
                (panics, pause) = (0, self.pause);
            }
            panics += 1;
            if panics > self.max {
                return format!("it panicked {panics} times, the last time with: {reason}");
            }
            tracing::error!(
                duty,
                panics,
                reason,
                pause_seconds = pause.as_secs(),
                "a duty panicked; it goes on after a pause, and after {} panics the node stops",
                self.max + 1
            );
            tell(Some(format!(
                "it panicked ({reason}), {panics} of {} times after which the node stops; it goes \
                 on after a pause of {} seconds: please report it with the log",
                self.max + 1,
                pause.as_secs()
            )));
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(self.factor);
            tell(None);
        }
    }
}

/// Runs to the end, or to a panic, of which it says the words.
///
/// What a panic leaves half changed in memory is counters and queues of what is looked at
/// again; no lock is held by who panicked, and disks and catalog are changed as by a cut.
async fn panic_of(work: impl Future<Output = ()>) -> Result<(), String> {
    let mut work = pin!(work);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(words_of(&*panic))),
    })
    .await
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it did not say why".to_owned())
}

type Step = Pin<Box<dyn Future<Output = Result<Duration, StewardError>> + Send>>;

impl Steward {
    /// Starts all duties on the current runtime.
    pub fn start(&self) -> Tasks {
        let mut tasks = Tasks::default();
        self.duty(&mut tasks, "clean-up", |steward| {
            Box::pin(async move {
                let condemned = steward.abandoned_step().await?;
                let leads = steward.leads();
                let gone = if leads { steward.clean_up_step().await? } else { 0 };
                Ok(if condemned + gone > 0 { Duration::ZERO } else { REST })
            })
        });
        self.duty(&mut tasks, "repair", |steward| {
            Box::pin(async move {
                let walking = steward.damage_step().await?;
                let outcome = steward.repair_step().await?;
                Ok(match (outcome.repaired + outcome.moved, walking) {
                    (1.., _) => Duration::ZERO,
                    (0, true) => WALK_REST,
                    (0, false) => REST,
                })
            })
        });
        self.duty(&mut tasks, "survey", |steward| {
            Box::pin(async move {
                let more = steward.leads() && steward.survey_step().await?;
                Ok(if more { WALK_REST } else { REST })
            })
        });
        self.duty(&mut tasks, "whose parts are", |steward| {
            Box::pin(async move {
                let more = steward.leads() && steward.buckets_step().await?;
                Ok(if more { WALK_REST } else { LEAD_LOOK_EVERY })
            })
        });
        self.duty(&mut tasks, "second copies", |steward| {
            Box::pin(async move {
                let more = steward.leads() && steward.second_copies_step().await?;
                Ok(if more { WALK_REST } else { REST })
            })
        });
        self.duty(&mut tasks, "moves", |steward| {
            Box::pin(async move {
                let more = steward.leads() && steward.moves_step().await?;
                Ok(if more { WALK_REST } else { REST })
            })
        });
        self.duty(&mut tasks, "custody", |steward| {
            Box::pin(async move {
                let more = steward.leads() && steward.custody_step().await?;
                Ok(if more { WALK_REST } else { REST })
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
                let finished = !steward.leads() || steward.lifecycle_step().await?;
                Ok(if finished { steward.shared.settings.lifecycle_period } else { Duration::ZERO })
            })
        });
        self.duty(&mut tasks, "clearing", |steward| {
            Box::pin(async move {
                let finished = !steward.leads() || steward.clearing_step().await?;
                Ok(if finished { steward.shared.settings.lifecycle_period } else { CLEARING_REST })
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
                if steward.leads() && steward.rotation_step().await? {
                    return Ok(Duration::ZERO);
                }
                // Who leads may change without a word.
                let wanted = steward.shared.rotation_wanted.notified();
                let _ = tokio::time::timeout(LEAD_LOOK_EVERY, wanted).await;
                Ok(Duration::ZERO)
            })
        });
        self.scrub_duty(&mut tasks);
        tasks
    }

    /// Calls a duty again and again; it says how long to rest.
    fn duty(&self, tasks: &mut Tasks, name: &'static str, step: fn(Self) -> Step) {
        let steward = self.clone();
        tasks.start(name, RESTARTS, self.teller(name), move || {
            let steward = steward.clone();
            async move {
                loop {
                    let rest = match step(steward.clone()).await {
                        Ok(rest) => rest,
                        Err(error) => steward.step_failed(name, &error),
                    };
                    tokio::time::sleep(rest).await;
                }
            }
        });
    }

    /// Writes into the status why a duty pauses.
    fn teller(&self, duty: &'static str) -> impl Fn(Option<String>) + Send + 'static {
        let steward = self.clone();
        move |why| {
            steward.count(|status| {
                status.duties_panicked.insert(duty, why);
            });
        }
    }

    /// Rounds one after the other at the rate that is set; at once and without
    /// rests when somebody asks.
    fn scrub_duty(&self, tasks: &mut Tasks) {
        let steward = self.clone();
        tasks.start("scrub", RESTARTS, self.teller("scrub"), move || {
            let steward = steward.clone();
            async move { steward.scrub_on().await }
        });
    }

    async fn scrub_on(&self) {
        let mut rest = match self.scrub_wait().await {
            Ok(rest) => rest,
            Err(error) => self.step_failed("scrub", &error),
        };
        loop {
            tokio::select! {
                biased;
                () = self.shared.scrub_wanted.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
            rest = match self.scrub_step().await {
                Ok(Some(bytes)) => self.scrub_rest(bytes),
                Ok(None) => self.shared.settings.scrub_period,
                Err(error) => self.step_failed("scrub", &error),
            };
        }
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
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    /// Far less than [`SHUTDOWN_MAX`], and ample for a machine that is busy.
    const PROMPT: Duration = Duration::from_secs(5);

    /// Two more attempts, hardly a pause.
    const QUICK: Restarts = Restarts {
        max: 2,
        pause: Duration::from_millis(1),
        factor: 2,
        healed_after: Duration::from_hours(1),
    };

    impl Tasks {
        fn start_quietly<W>(&mut self, duty: &'static str, work: impl Fn() -> W + Send + 'static)
        where
            W: Future<Output = ()> + Send + 'static,
        {
            self.start(duty, QUICK, |_| {}, work);
        }
    }

    #[tokio::test]
    async fn a_duty_that_always_panics_is_given_up_and_named_with_its_reason() {
        let mut tasks = Tasks::default();
        tasks.start_quietly("the steady one", std::future::pending);
        let begun = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&begun);
        tasks.start_quietly("the frail one", move || {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            async move { panic!("of this test, {number}") }
        });
        let ended = tasks.first_failure().await;
        assert_eq!(
            ended.to_string(),
            "the frail one stopped working: it panicked 3 times, the last time with: of this test, 2"
        );
        assert_eq!(begun.load(Ordering::SeqCst), 3, "it was started again twice");
        let other = tokio::time::timeout(Duration::ZERO, tasks.first_failure()).await;
        assert!(other.is_err(), "the steady one goes on");
        tasks.shutdown().await;
    }

    #[tokio::test]
    async fn a_duty_that_panics_once_goes_on() {
        let mut tasks = Tasks::default();
        let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
        let (ran, mut runs) = tokio::sync::mpsc::unbounded_channel();
        let begun = AtomicU32::new(0);
        let tell = move |why| told.send(why).expect("heard");
        tasks.start("the frail one", QUICK, tell, move || {
            let number = begun.fetch_add(1, Ordering::SeqCst);
            let ran = ran.clone();
            async move {
                assert!(number > 0, "of this test");
                ran.send(number).expect("heard");
                std::future::pending::<()>().await;
            }
        });
        assert_eq!(runs.recv().await, Some(1));
        let why = tells.recv().await.flatten().expect("why it pauses");
        assert!(why.contains("of this test") && why.contains("1 of 3 times"), "{why}");
        assert_eq!(tells.recv().await, Some(None), "it goes on");
        let failure = tokio::time::timeout(Duration::ZERO, tasks.first_failure()).await;
        assert!(failure.is_err(), "nobody has to be told to stop");
        tasks.shutdown().await;
    }

    #[tokio::test]
    async fn a_duty_that_ran_well_for_long_begins_anew() {
        let restarts = Restarts { healed_after: Duration::ZERO, ..QUICK };
        let begun = AtomicU32::new(0);
        let work = || {
            let number = begun.fetch_add(1, Ordering::SeqCst);
            async move { assert!(number >= 7, "of this test") }
        };
        assert_eq!(restarts.keep("the frail one", |_| {}, work).await, "it ended");
        assert_eq!(begun.load(Ordering::SeqCst), 8);
    }

    #[tokio::test]
    async fn a_duty_that_pauses_is_cut() {
        let mut tasks = Tasks::default();
        let patient = Restarts { pause: Duration::from_hours(1), ..QUICK };
        let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
        let tell = move |why| told.send(why).expect("heard");
        tasks.start("the frail one", patient, tell, || async { panic!("of this test") });
        assert!(tells.recv().await.flatten().is_some());
        assert!(tokio::time::timeout(PROMPT, tasks.shutdown()).await.is_ok());
    }

    #[tokio::test]
    async fn a_duty_that_ends_is_a_failure_too() {
        let mut tasks = Tasks::default();
        tasks.start_quietly("the brief one", || async {});
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
        let once = parking_lot::Mutex::new(Some((step, begun)));
        tasks.start_quietly("the long one", move || {
            let once = once.lock().take();
            async move {
                let (_step, begun) = once.expect("begun once");
                let _ = begun.send(());
                std::future::pending::<()>().await;
            }
        });
        assert!(begins.await.is_ok());
        assert!(tokio::time::timeout(PROMPT, tasks.shutdown()).await.is_ok());
        assert!(cut.await.is_err(), "it has let go of everything");
    }
}
