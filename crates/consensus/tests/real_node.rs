//! The consensus over real files, and over a simulated disk with faults.

mod harness;

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Command, JobName, SealedBytes};
use consensus::{
    Condition, Consensus, Fate, OpenError, Parts, ProposeError, RestoreError, RestoreParts, restore,
};
use disk::{Disk, Fault, OperationKind, RealDisk, SimDisk};
use kv::{Engine, FjallEngine, SimEngine};
use units::{ByteCount, ClusterId, NodeId, SimClock, Timestamp};

const CLUSTER: ClusterId = ClusterId::from_u128(0xc1);
const NODE: NodeId = NodeId::from_u128(0x4e);

fn job(name: &str, state: &[u8]) -> Command {
    let name = JobName::new(name).expect("a plain name");
    Command::JobSet { name, state: Some(SealedBytes::new(state.to_vec())) }
}

fn state_of(consensus: &Consensus, name: &str) -> Option<Vec<u8>> {
    let name = JobName::new(name).expect("a plain name");
    let job = consensus.view().job(&name).expect("a readable row");
    job.map(|job| job.state.into_vec())
}

fn real_parts(directory: &std::path::Path) -> Parts {
    let disk = RealDisk::open(&directory.join("disk")).expect("a disk");
    let engine = FjallEngine::open(&directory.join("rows")).expect("an engine");
    let (clock, random) = (Arc::new(host::SystemClock), Arc::new(host::SystemRandom));
    Parts::new(disk, Arc::new(engine), clock, random, CLUSTER, NODE)
}

fn sim_parts(disk: &Arc<SimDisk>, engine: &Arc<SimEngine>) -> Parts {
    harness::sim_node::parts(Arc::clone(disk) as Arc<dyn Disk>, Arc::clone(engine) as _)
}

/// Every other life ends without a shutdown: its runtime is dropped under it.
#[test]
fn every_start_finds_what_the_last_life_left() {
    let directory = tempfile::tempdir().expect("a directory");
    for round in 0_u8..4 {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let consensus = Consensus::open(real_parts(directory.path())).await.expect("opens");
            if round > 0 {
                assert_eq!(state_of(&consensus, "round"), Some(vec![round - 1]));
            }
            consensus.propose(job("round", &[round])).await.expect("done");
            assert_eq!(state_of(&consensus, "round"), Some(vec![round]), "before the answer");
            if round % 2 == 0 {
                consensus.shutdown().await;
            }
        });
    }
}

#[tokio::test]
async fn a_damaged_log_refuses_the_start() {
    let disk = SimDisk::new();
    let engine = Arc::new(SimEngine::seeded(1));
    let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
    for count in 0..6 {
        consensus.propose(job("job", &[count])).await.expect("done");
    }
    consensus.shutdown().await;
    for (path, _) in disk.files() {
        let copy = disk.after_power_cut(disk::Survival::KeepAll);
        assert!(copy.flip_bit(&path, 8 * 100));
        let refused = Consensus::open(sim_parts(&copy, &engine)).await;
        let error = refused.map(|_| ()).expect_err("a damaged log");
        assert!(matches!(error, OpenError::Log(_)), "{error}");
        let said = std::error::Error::source(&error).expect("a source").to_string();
        assert!(said.contains("damaged"), "{said}");
    }
}

#[tokio::test]
async fn a_lost_log_refuses_the_start() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
    consensus.propose(job("job", b"x")).await.expect("done");
    consensus.shutdown().await;
    let refused = Consensus::open(sim_parts(&SimDisk::new(), &engine)).await.map(|_| ());
    assert!(matches!(refused, Err(OpenError::LogBehind { .. })), "{refused:?}");
    let empty = Arc::new(SimEngine::seeded(2));
    let refused = Consensus::open(sim_parts(&disk, &empty)).await.map(|_| ());
    assert!(matches!(refused, Err(OpenError::EngineBehind { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_full_disk_refuses_puts_lets_deletes_through_and_recovers() {
    let disk = SimDisk::with_capacity(ByteCount::new(1024 * 1024));
    let engine = Arc::new(SimEngine::seeded(1));
    let clock = Arc::new(SimClock::default());
    let parts = Parts { clock: Arc::clone(&clock) as _, ..sim_parts(&disk, &engine) };
    let consensus = Consensus::open(parts).await.expect("opens");
    consensus.propose(job("job", b"before")).await.expect("done");
    // 64 KiB left: less than the reserve of an eighth, more than the floor of a 32nd.
    let ballast = disk.create("ballast").expect("a file");
    let length = disk.space().expect("a size").free.get() - 64 * 1024;
    let length = usize::try_from(length).expect("a small disk");
    ballast.write_all_at(&vec![1; length], 0).expect("written");
    clock.advance(Duration::from_secs(1));
    let refused = consensus.propose(job("job", b"full")).await;
    assert!(matches!(refused, Err(ProposeError::Full(_))), "{refused:?}");
    assert_eq!(consensus.status().condition, Condition::Full);
    let delete = Command::FeedTrim { through: units::Sequence::new(0) };
    consensus.propose(delete).await.expect("what frees room is let through");
    assert!(matches!(consensus.takes_commands(), Err(ProposeError::Full(_))));
    let moved = Command::PartSlotMove(catalog::command::PartSlotMove {
        part: units::PartId::from_u128(1),
        slot: units::FragmentNumber::new(0),
        from: units::DiskId::from_u128(1),
        to: units::DiskId::from_u128(2),
    });
    consensus.takes(&moved).expect("what restores redundancy too");
    assert_eq!(state_of(&consensus, "job"), Some(b"before".to_vec()), "reads go on");
    drop(ballast);
    disk.remove("ballast").expect("removed");
    clock.advance(Duration::from_secs(1));
    consensus.propose(job("job", b"after")).await.expect("there is room again");
    assert_eq!(consensus.status().condition, Condition::Serving);
    consensus.shutdown().await;
}

#[tokio::test]
async fn a_log_that_meets_a_full_disk_waits_for_room() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
    consensus.propose(job("job", b"before")).await.expect("done");
    for _ in 0..4 {
        disk.fail(OperationKind::Write, 0, Fault::Full);
    }
    consensus.propose(job("job", b"after")).await.expect("written once there is room");
    assert_eq!(state_of(&consensus, "job"), Some(b"after".to_vec()));
    assert_eq!(consensus.status().condition, Condition::Serving);
    consensus.shutdown().await;
}

#[tokio::test]
async fn a_failed_sync_stops_the_answers_and_not_the_reads() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
    consensus.propose(job("job", b"before")).await.expect("done");
    disk.fail(OperationKind::SyncData, 0, Fault::Io);
    let refused = consensus.propose(job("job", b"lost?")).await;
    let Err(ProposeError::Unavailable(unavailable)) = refused else { panic!("{refused:?}") };
    assert_eq!(unavailable.fate, Fate::Unknown);
    let refused = consensus.propose(job("job", b"later")).await;
    let Err(ProposeError::Unavailable(unavailable)) = refused else { panic!("{refused:?}") };
    assert_eq!(unavailable.fate, Fate::NotDone);
    assert!(unavailable.reason.contains("sync"), "{}", unavailable.reason);
    assert!(matches!(consensus.status().condition, Condition::Failed { .. }));
    assert_eq!(state_of(&consensus, "job"), Some(b"before".to_vec()), "reads go on");
    consensus.shutdown().await;
}

#[tokio::test]
async fn stamps_never_go_back() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let clock = Arc::new(SimClock::starting_at(Timestamp::from_seconds(5000)));
    let mut last = Timestamp::EPOCH;
    for (round, wall) in [5000, 1000, 6000, 2].into_iter().enumerate() {
        clock.jump_to(Timestamp::from_seconds(wall));
        let parts = Parts { clock: Arc::clone(&clock) as _, ..sim_parts(&disk, &engine) };
        let consensus = Consensus::open(parts).await.expect("opens");
        consensus.propose(job("job", &[u8::try_from(round).expect("few")])).await.expect("done");
        let name = JobName::new("job").expect("a plain name");
        let job = consensus.view().job(&name).expect("a readable row").expect("a job");
        assert!(job.updated >= last, "{:?} after {last:?}", job.updated);
        last = job.updated;
        consensus.shutdown().await;
    }
    assert_eq!(last, Timestamp::from_seconds(6000));
}

/// A backup of some rows, made by a node whose clock stands still.
async fn backup() -> Vec<u8> {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
    for count in 0..40_u8 {
        let name = format!("job-{count}");
        consensus.propose(job(&name, &[count; 50])).await.expect("done");
    }
    let mut bytes = Vec::new();
    let report = consensus.snapshot_write(&mut bytes).expect("a backup");
    assert!(report.rows >= 40);
    consensus.shutdown().await;
    bytes
}

fn restore_parts(disk: &Arc<SimDisk>, engine: &Arc<SimEngine>) -> RestoreParts {
    RestoreParts {
        disk: Arc::clone(disk) as _,
        directory: "log".to_owned(),
        engine: Arc::clone(engine) as _,
        random: Arc::new(units::SimRandom::seeded(3)),
        node: NODE,
    }
}

#[tokio::test]
async fn a_backup_restores_to_another_node() {
    let bytes = backup().await;
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let parts = restore_parts(&disk, &engine);
    let report = restore(&parts, &mut Cursor::new(&bytes)).expect("restores");
    assert!(matches!(restore(&parts, &mut Cursor::new(&bytes)), Err(RestoreError::NotEmpty)));
    let open = || Parts { cluster: report.cluster, node: NODE, ..sim_parts(&disk, &engine) };
    let consensus = Consensus::open(open()).await.expect("opens");
    for count in 0..40_u8 {
        assert_eq!(state_of(&consensus, &format!("job-{count}")), Some(vec![count; 50]));
    }
    consensus.propose(job("job-0", b"goes on")).await.expect("done");
    consensus.shutdown().await;
    let consensus = Consensus::open(open()).await.expect("opens again");
    assert_eq!(state_of(&consensus, "job-0"), Some(b"goes on".to_vec()));
    consensus.shutdown().await;
}

#[tokio::test]
async fn a_damaged_backup_changes_nothing() {
    let bytes = backup().await;
    let refuse = |damaged: &[u8], what: &str| {
        let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
        let refused = restore(&restore_parts(&disk, &engine), &mut Cursor::new(damaged));
        assert!(refused.is_err(), "{what} was restored");
        assert!(disk.files().is_empty(), "{what}: a log was made");
        let view = engine.view();
        let mut rows = view.scan(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        assert!(rows.next().is_none(), "{what}: rows were written");
    };
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        refuse(&damaged, &format!("a flip in byte {place}"));
    }
    for length in (0..bytes.len()).step_by(7) {
        refuse(&bytes[..length], &format!("the first {length} bytes"));
    }
    let mut longer = bytes.clone();
    longer.push(0);
    refuse(&longer, "a longer file");
}

/// The format of version 1, as released: read for ever. With `ESSAIM_GOLDEN=write`
/// the file is made anew.
#[tokio::test]
async fn the_golden_backup_restores() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/backup-1.bin");
    if std::env::var("ESSAIM_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(path, backup().await).expect("written");
    }
    let bytes = std::fs::read(path).expect("the golden file");
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let report = restore(&restore_parts(&disk, &engine), &mut Cursor::new(&bytes));
    let report = report.expect("restores");
    let parts = Parts { cluster: report.cluster, node: NODE, ..sim_parts(&disk, &engine) };
    let consensus = Consensus::open(parts).await.expect("opens");
    for count in 0..40_u8 {
        assert_eq!(state_of(&consensus, &format!("job-{count}")), Some(vec![count; 50]));
    }
    consensus.shutdown().await;
}

/// Not a benchmark, which needs a quiet machine and a release build: prints what
/// it saw, and fails only if packing does not work at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_proposals_share_syncs() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let consensus = Consensus::open(real_parts(directory.path())).await.expect("opens");
    let one = |proposer: usize, most: usize| {
        let consensus = consensus.clone();
        tokio::spawn(async move {
            for _ in 0..most {
                let command = job(&format!("job-{proposer}"), &[7; 4096]);
                consensus.propose(command).await.expect("done");
            }
        })
    };
    let rounds: usize =
        std::env::var("ESSAIM_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let started = Instant::now();
    one(0, rounds).await.expect("joins");
    let alone = started.elapsed() / u32::try_from(rounds).expect("few");
    let before = *consensus.applied().borrow();
    let started = Instant::now();
    futures::future::join_all((0..16).map(|proposer| one(proposer, rounds))).await;
    let took = started.elapsed();
    let entries = consensus.applied().borrow().minus(before).get();
    let proposals = 16 * rounds as u64;
    println!(
        "alone: {alone:?} each; 16 proposers of 4 KiB: {} proposals/s, {proposals} in {entries} entries",
        u128::from(proposals) * 1_000_000 / took.as_micros().max(1),
    );
    assert!(entries * 2 < proposals, "{proposals} proposals took {entries} entries");
    consensus.shutdown().await;
}

/// After a start that brought nothing new a stop used to wait a minute for a
/// checkpoint that could not come.
#[tokio::test]
async fn a_start_without_a_write_is_stopped_at_once() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
    consensus.propose(job("job", b"x")).await.expect("done");
    drop(consensus);
    for _ in 0..2 {
        let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
        let applied = consensus.status().applied;
        let since = Instant::now();
        let handle = consensus.clone();
        consensus.shutdown().await;
        assert_eq!(handle.status().purged, applied);
        assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    }
}

/// openraft would wait for the election of a node that is not there.
#[tokio::test]
async fn a_node_with_another_identity_is_refused_at_once() {
    let (disk, engine) = (SimDisk::new(), Arc::new(SimEngine::seeded(1)));
    let consensus = Consensus::open(sim_parts(&disk, &engine)).await.expect("opens");
    consensus.shutdown().await;
    let since = Instant::now();
    let parts = Parts { node: NodeId::from_u128(7), ..sim_parts(&disk, &engine) };
    let refused = Consensus::open(parts).await.map(|_| ());
    assert!(matches!(refused, Err(OpenError::NotAMember { .. })), "{refused:?}");
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}
