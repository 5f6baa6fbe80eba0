//! Power cuts over the whole site: a workload is repeated from one beginning, and
//! each time the power goes one operation later, until it no longer meets one.
//!
//! The operations are the writes, syncs, renames, creations, removals and
//! reservations of all disks and the commits and persists of the catalog's engine,
//! counted in one order from the start on, so that the start itself is cut too.
//! What a cut leaves is drawn several times: of what was not synced any part may
//! stay, torn at 512 bytes. Each is started again and held against the model; some
//! lose their power a second time while they start, some are healed and counted.
//! One workload in forty is the founding of a site: its keys, tenant and buckets.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use objects::ObjectName;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use crate::report::{Kind, TrialReport};
use crate::trial::Trial;
use crate::versions::MORTAL;
use crate::world::World;

/// Verbs before the beginning that all cuts of a workload share.
const VERBS_BEFORE: u32 = 12;

/// Verbs within which the power goes.
const VERBS: u32 = 8;

/// Cuts tried at a time; a start waits for threads now and then.
const WIDTH: usize = 3;

/// One workload in so many is a founding.
const FOUNDING_EVERY: u64 = 40;

/// Within how many operations a start is cut a second time.
const SECOND_WITHIN: u64 = 16;

/// One cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The workload.
    pub seed: u64,
    /// Before which operation the power goes.
    pub cut: u64,
}

/// What a sweep saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Workloads begun.
    pub workloads: u64,
    /// Cuts, each before another operation of a workload.
    pub points: u64,
    /// Of these, in the founding of a site.
    pub founding: u64,
    /// What cuts left, started again and verified.
    pub survivals: u64,
    /// Of these, cut a second time while they started.
    pub second: u64,
    /// Of these, healed and counted to the last fragment.
    pub healed: u64,
    /// Cuts repeated because this process was suspended meanwhile.
    pub repeated: u64,
    /// Verbs and looks, of the workloads up to the cut and of the survivals.
    pub trials: TrialReport,
}

impl SweepReport {
    /// Verbs and duties that no workload came to.
    pub fn missing(&self) -> Vec<Kind> {
        // A sweep has faults of its own, and no rot.
        let own = [Kind::Cut, Kind::Fault, Kind::Pulled, Kind::Flipped];
        self.trials.missing().into_iter().filter(|kind| !own.contains(kind)).collect()
    }

    fn add(&mut self, other: &Self) {
        self.points += other.points;
        self.founding += other.founding;
        self.survivals += other.survivals;
        self.second += other.second;
        self.healed += other.healed;
        self.trials.add(&other.trials);
    }
}

impl core::fmt::Display for SweepReport {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { workloads, points, founding, survivals, second, healed, repeated, trials } =
            self;
        write!(to, "{workloads} workloads, {points} cuts ({founding} of them while founding), ")?;
        write!(to, "{survivals} survivals ({second} cut a second time, {healed} healed), ")?;
        write!(to, "{repeated} repeated: {trials}")
    }
}

/// Cuts the workloads of these seeds at every operation, until there are so many
/// cuts; an error is a broken promise, and ends with how to see it again. After every
/// workload `tell` hears what was seen so far, and the seed that comes next: a sweep
/// that is ended there and one that begins with that seed make a whole.
pub async fn crash_sweep(
    first: u64,
    points: u64,
    survivals: u64,
    mut tell: impl FnMut(&SweepReport, u64),
) -> Result<SweepReport> {
    let (mut report, pauses) = (SweepReport::default(), Pauses::watch());
    for seed in first.. {
        if report.points >= points {
            break;
        }
        let beginning = beginning(seed).await.with_context(|| format!("seed {seed}"))?;
        report.workloads += 1;
        let (mut tasks, mut cut, mut is_over) = (JoinSet::new(), 0, false);
        loop {
            let wanted = points.saturating_sub(report.points);
            while !is_over && tasks.len() < WIDTH && (tasks.len() as u64) < wanted {
                let world = beginning.after_power_cut(None);
                let point = Point { seed, cut };
                tasks.spawn(cut_world(world, point, survivals, pauses.count()));
                cut += 1;
            }
            match tasks.join_next().await {
                None => break,
                Some(Ok((.., Ok(Some(found))))) => report.add(&found),
                Some(Ok((.., Ok(None)))) => is_over = true,
                Some(Ok((point, paused, Err(error)))) => {
                    pauses.settle().await;
                    if pauses.count() == paused {
                        return Err(error.context(again(point)));
                    }
                    // What ran when the clock jumped has met timeouts that are not its own.
                    report.repeated += 1;
                    let world = beginning.after_power_cut(None);
                    tasks.spawn(cut_world(world, point, survivals, pauses.count()));
                }
                Some(Err(panic)) => {
                    let near = Point { seed, cut };
                    return Err(
                        anyhow!(panic).context(format!("at most {WIDTH} before: {}", again(near)))
                    );
                }
            }
        }
        tell(&report, seed + 1);
    }
    Ok(report)
}

/// Notices when the process was suspended: a start waits at most a minute by the
/// machine's clock.
struct Pauses {
    count: Arc<AtomicU64>,
}

impl Pauses {
    const BEAT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(5);

    fn watch() -> Self {
        let count = Arc::new(AtomicU64::new(0));
        let watched = Arc::downgrade(&count);
        std::thread::spawn(move || {
            while let Some(count) = watched.upgrade() {
                let beat = Instant::now();
                drop(count);
                std::thread::sleep(Self::BEAT);
                if let Some(count) = watched.upgrade().filter(|_| beat.elapsed() > Self::LONG) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { count }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Until a suspension that has just ended has been noticed.
    async fn settle(&self) {
        tokio::time::sleep(Self::BEAT * 5).await;
    }
}

/// One cut again; fails if the workload does not come to it.
pub async fn crash_replay(point: Point, survivals: u64) -> Result<SweepReport> {
    let world = beginning(point.seed).await?.after_power_cut(None);
    let found = cut_and_verify(world, point, survivals).await;
    found?.context("the workload ended before this operation")
}

fn again(Point { seed, cut }: Point) -> String {
    format!("ESSAIM_CRASH={seed}:{cut} cargo test -p simulator --test crash_sweep")
}

fn is_founding(seed: u64) -> bool {
    seed % FOUNDING_EVERY == 3
}

/// The world that all cuts of a workload begin with, its site switched off.
async fn beginning(seed: u64) -> Result<World> {
    let disks = [2, 1, 3, 4, 6][usize::try_from(seed % 5)?];
    let trial = Trial { seed, disks, rounds: 1, verbs: VERBS, small: true };
    if is_founding(seed) {
        return World::unfounded(trial);
    }
    let mut world = World::founded(trial).await?;
    for _ in 0..VERBS_BEFORE {
        world.verb().await?;
    }
    // Something that the lifecycle rule ends, the next time it is looked at.
    let name = ObjectName::new(world.buckets.mortal.as_str(), "k/7")?;
    world.put_at(name).await?;
    world.site.clock.advance(MORTAL * 2 + Duration::from_hours(1));
    world.running = None;
    Ok(world)
}

async fn cut_world(
    world: World,
    point: Point,
    survivals: u64,
    paused: u64,
) -> (Point, u64, Result<Option<SweepReport>>) {
    (point, paused, cut_and_verify(world, point, survivals).await)
}

/// Runs the workload up to the cut and verifies what is left; `None` if it ends
/// before.
async fn cut_and_verify(
    mut world: World,
    point: Point,
    survivals: u64,
) -> Result<Option<SweepReport>> {
    world.site.cut_before(point.cut);
    if let Err(error) = life(&mut world, point).await
        && !world.site.is_cut()
    {
        return Err(error.context("a life without a fault"));
    }
    if !world.site.is_cut() {
        return Ok(None);
    }
    world.running = None;
    let mut report = SweepReport {
        points: 1,
        founding: u64::from(is_founding(point.seed)),
        trials: world.report,
        ..SweepReport::default()
    };
    let mut rng = StdRng::seed_from_u64(point.seed << 20 | point.cut);
    for _ in 0..survivals {
        survive(&world, point, &mut rng, &mut report).await?;
    }
    Ok(Some(report))
}

/// What the power ends.
async fn life(world: &mut World, point: Point) -> Result<()> {
    world.start().await?;
    if is_founding(point.seed) {
        return world.found().await;
    }
    for _ in 0..VERBS {
        if world.site.is_cut() {
            break;
        }
        world.verb().await?;
    }
    Ok(())
}

/// One draw of what the cut leaves, started and verified.
async fn survive(
    world: &World,
    point: Point,
    rng: &mut StdRng,
    report: &mut SweepReport,
) -> Result<()> {
    let mut left = world.after_power_cut(Some(rng.random()));
    report.survivals += 1;
    if rng.random_ratio(1, 8) {
        left.site.cut_before(rng.random_range(0..SECOND_WITHIN));
        let started = left.start().await;
        if !left.site.is_cut() {
            started.context("after the first cut")?;
        }
        left.running = None;
        left = left.after_power_cut(Some(rng.random()));
        report.second += 1;
    }
    left.start().await?;
    if is_founding(point.seed) {
        left.found().await.context("the founding cannot be finished")?;
    }
    left.look().await?;
    left.go_on().await.context("after the start")?;
    if rng.random_ratio(1, 16) {
        left.tidy_up().await?;
        report.healed += 1;
    }
    report.trials.add(&left.report);
    Ok(())
}
