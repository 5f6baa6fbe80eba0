//! The engine meets a full disk amid its work: nobody is answered falsely, nobody
//! waits for a restart, nothing is lost.
//!
//! `ESSAIM_SEEDS=100 cargo test -p consensus --test full_engine` runs more seeds.

mod harness;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use catalog::{Batch, Command, JobName, Rows, SealedBytes};
use consensus::{Condition, Consensus, Fate, ProposeError};
use disk::{Disk, SimDisk};
use harness::sim_node;
use kv::{Cause, Engine, KvError, SimEngine};
use units::ByteCount;

#[test]
fn an_engine_that_met_a_full_disk_is_reopened_without_a_loss() {
    let seeds = harness::seeds(3);
    let mut reopened = 0;
    for seed in 0..seeds {
        reopened += sim_node::sweep_full(seed, 24).unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(reopened > 10 * seeds, "only {reopened} reopenings: the fault was not met");
    println!("{reopened} reopenings, seeds 0 to {}, acknowledged lost 0", seeds - 1);
}

fn job(state: u8) -> Command {
    let name = JobName::new("job").expect("a plain name");
    Command::JobSet { name, state: Some(SealedBytes::new(vec![state])) }
}

/// Without room the engine is left alone; commands are refused at once, not kept
/// waiting; with room everything goes on, the command that waited included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_there_is_no_room_commands_are_refused_and_then_taken_again() {
    let disk = SimDisk::with_capacity(ByteCount::new(1024 * 1024));
    let engine = Arc::new(SimEngine::seeded(1));
    let parts = sim_node::parts(Arc::clone(&disk) as _, Arc::clone(&engine) as _);
    let consensus = Consensus::open(parts).await.expect("opens");
    consensus.propose(job(1)).await.expect("done");
    // The stranger comes after the command was let in; the engine finds no room at
    // its first attempts, later ones are not made.
    engine.full_after(0, 2);
    let waiting = tokio::spawn({
        let consensus = consensus.clone();
        async move { consensus.propose(job(2)).await }
    });
    while consensus.status().condition != Condition::Full {
        assert!(!waiting.is_finished(), "nobody is answered while there is no room");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let ballast = disk.create("ballast").expect("a file");
    let length = disk.space().expect("a size").free.get() - 20 * 1024;
    let fill = vec![1; usize::try_from(length).expect("a small disk")];
    ballast.write_all_at(&fill, 0).expect("written");
    let refused = consensus.propose(job(3)).await;
    assert!(matches!(refused, Err(ProposeError::Full(_))), "{refused:?}");
    assert!(consensus.view().job(&JobName::new("job").expect("a name")).is_ok(), "reads go on");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((engine.reopened(), waiting.is_finished()), (0, false));
    drop(ballast);
    disk.remove("ballast").expect("removed");
    waiting.await.expect("no panic").expect("carried out after all");
    assert_eq!(engine.reopened(), 1);
    consensus.propose(job(4)).await.expect("writes are taken again");
    consensus.shutdown().await;
}

/// A node whose disk stays full still stops, and the next one finds the command
/// that was not answered in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_waits_for_room_can_be_stopped() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let parts = || sim_node::parts(Arc::clone(&disk) as _, Arc::clone(&engine) as _);
    let consensus = Consensus::open(parts()).await.expect("opens");
    engine.full_after(0, u64::MAX);
    let waiting = tokio::spawn({
        let consensus = consensus.clone();
        async move { consensus.propose(job(2)).await }
    });
    while consensus.status().condition != Condition::Full {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    consensus.shutdown().await;
    let answer = waiting.await.expect("no panic");
    let Err(ProposeError::Unavailable(answer)) = answer else { panic!("{answer:?}") };
    assert_eq!(answer.fate, Fate::Unknown);
    engine.power_cut();
    let consensus = Consensus::open(parts()).await.expect("opens again");
    let name = JobName::new("job").expect("a plain name");
    let found = consensus.view().job(&name).expect("a readable row").expect("it was in the log");
    assert_eq!(found.state.as_slice(), [2]);
    consensus.shutdown().await;
}

/// An engine that fails again and again although there is room is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_whose_threads_keep_dying_is_given_up() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let parts = sim_node::parts(Arc::clone(&disk) as _, Arc::clone(&engine) as _);
    let parts = consensus::Parts {
        checkpoint: consensus::CheckpointRule {
            bytes: ByteCount::new(u64::MAX),
            entries: u64::MAX,
            interval: Duration::from_mins(1),
        },
        ..parts
    };
    let consensus = Consensus::open(parts).await.expect("opens");
    let mut given_up = false;
    for count in 0..10 {
        engine.poison();
        given_up |= consensus.propose(job(count)).await.is_err();
    }
    assert!(given_up);
    assert!(matches!(consensus.status().condition, Condition::Failed { .. }));
    assert_eq!(engine.reopened(), u64::from(consensus::limits::ENGINE_REOPENS_MAX));
    consensus.shutdown().await;
}

/// An engine that lets somebody look at the catalog before each batch that it is given
/// after a reopening.
struct Watched {
    engine: SimEngine,
    behind: AtomicBool,
    consensus: OnceLock<Consensus>,
    /// The rows that somebody was shown meanwhile, or that there are none now.
    seen: Mutex<Vec<Result<Option<u8>, String>>>,
    /// Looks that were not answered at once.
    waited: AtomicU32,
}

impl Engine for Watched {
    fn view(&self) -> Arc<dyn Rows> {
        self.engine.view()
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        if self.behind.load(Ordering::SeqCst)
            && let Some(consensus) = self.consensus.get().cloned()
        {
            let (told, seen) = mpsc::channel();
            std::thread::spawn(move || told.send(shown_of(&consensus)));
            // Nobody may get a view before it is whole; whoever does is found out. And
            // nobody waits for one: the thread that asks serves others.
            match seen.recv_timeout(Duration::from_secs(2)) {
                Ok(seen) => self.seen.lock().expect("no panic").push(seen),
                Err(_) => drop(self.waited.fetch_add(1, Ordering::SeqCst)),
            }
        }
        self.engine.commit(batch)
    }

    fn reopen(&self, cause: Cause) -> Result<(), KvError> {
        self.behind.store(true, Ordering::SeqCst);
        self.engine.reopen(cause)
    }

    fn persist(&self) -> Result<(), KvError> {
        self.engine.persist()
    }

    fn approximate_bytes(&self) -> ByteCount {
        self.engine.approximate_bytes()
    }
}

fn state_of(consensus: &Consensus) -> Option<u8> {
    shown_of(consensus).expect("a readable row")
}

/// The state as it is shown; an error while there are no rows to be shown.
fn shown_of(consensus: &Consensus) -> Result<Option<u8>, String> {
    let name = JobName::new("job").expect("a plain name");
    let job = consensus.view().job(&name).map_err(|error| error.to_string())?;
    Ok(job.and_then(|job| job.state.as_slice().first().copied()))
}

/// While a reopened engine takes up what it forgot, nobody sees the rows of before;
/// and whoever kept directory rows looks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_shown_rows_that_are_not_the_newest() {
    let (mut replayed, mut refused) = (0, 0);
    for seed in 0..8 {
        let disk = SimDisk::new();
        let engine = Arc::new(Watched {
            engine: SimEngine::seeded(seed),
            behind: AtomicBool::new(false),
            consensus: OnceLock::new(),
            seen: Mutex::default(),
            waited: AtomicU32::new(0),
        });
        let parts = sim_node::parts(Arc::clone(&disk) as _, Arc::clone(&engine) as _);
        let parts = consensus::Parts {
            checkpoint: consensus::CheckpointRule {
                bytes: ByteCount::new(u64::MAX),
                entries: u64::MAX,
                interval: Duration::from_mins(1),
            },
            ..parts
        };
        let consensus = Consensus::open(parts).await.expect("opens");
        assert!(engine.consensus.set(consensus.clone()).is_ok());
        for count in 1..=4 {
            consensus.propose(job(count)).await.expect("done");
        }
        let revision = consensus.directory_revision();
        engine.engine.poison();
        consensus.propose(job(5)).await.expect("done after the engine was opened again");
        assert_ne!(consensus.directory_revision(), revision, "what was kept is looked up again");
        assert_eq!(state_of(&consensus), Some(5));
        replayed += u32::from(engine.behind.load(Ordering::SeqCst));
        let seen = engine.seen.lock().expect("no panic").clone();
        let is_stale = |state: &&Option<u8>| !matches!(state, Some(4 | 5));
        assert_eq!(seen.iter().flatten().find(is_stale), None, "seed {seed}: {seen:?}");
        assert_eq!(engine.waited.load(Ordering::SeqCst), 0, "seed {seed}: somebody waited");
        refused += seen.iter().filter(|state| state.is_err()).count();
        engine.behind.store(false, Ordering::SeqCst);
        consensus.shutdown().await;
    }
    assert_eq!(replayed, 8);
    assert!(refused > 0, "nobody looked while there was nothing to be shown");
}

/// An engine that takes its time: to begin to persist, and between its reopening and the
/// first batch after it.
struct Slow {
    engine: SimEngine,
    /// Somebody is about to persist.
    persisting: AtomicBool,
}

impl Engine for Slow {
    fn view(&self) -> Arc<dyn Rows> {
        self.engine.view()
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        self.engine.commit(batch)
    }

    fn reopen(&self, cause: Cause) -> Result<(), KvError> {
        self.engine.reopen(cause)?;
        std::thread::sleep(Duration::from_millis(60));
        Ok(())
    }

    fn persist(&self) -> Result<(), KvError> {
        self.persisting.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        self.persisting.store(false, Ordering::SeqCst);
        self.engine.persist()
    }

    fn approximate_bytes(&self) -> ByteCount {
        self.engine.approximate_bytes()
    }
}

/// A checkpoint that was begun before a reopening persists what the engine has left; the
/// log keeps what it lacks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_amid_a_reopening_cuts_nothing_that_is_lacking() {
    for seed in 0..8 {
        let disk = SimDisk::new();
        let engine =
            Arc::new(Slow { engine: SimEngine::seeded(seed), persisting: AtomicBool::new(false) });
        let parts = |disk: &Arc<SimDisk>| consensus::Parts {
            checkpoint: consensus::CheckpointRule {
                bytes: ByteCount::new(u64::MAX),
                entries: 1,
                interval: Duration::from_millis(10),
            },
            ..sim_node::parts(Arc::clone(disk) as _, Arc::clone(&engine) as _)
        };
        let consensus = Consensus::open(parts(&disk)).await.expect("opens");
        for count in 1..=9 {
            consensus.propose(job(count)).await.expect("done");
        }
        while !engine.persisting.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        engine.engine.poison();
        consensus.propose(job(10)).await.expect("done after the engine was opened again");
        // What was cut off the log is what a checkpoint says that the engine has.
        drop(consensus);
        let disk = disk.after_power_cut(disk::Survival::LoseAll);
        engine.engine.power_cut();
        let consensus = Consensus::open(parts(&disk)).await;
        let consensus = consensus.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(state_of(&consensus), Some(10), "seed {seed}");
        consensus.shutdown().await;
    }
}
