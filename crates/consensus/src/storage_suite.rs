//! openraft's own storage tests, run against the real log and the real engine.

use std::sync::Arc;

use openraft::testing::{StoreBuilder, Suite};
use units::{ClusterId, SimClock, SimRandom};

use crate::admission::Admission;
use crate::health::Health;
use crate::log::store::LogStore;
use crate::log::{LogOptions, SegmentLog};
use crate::snapshot::SnapshotPlace;
use crate::state_machine::StateMachine;
use crate::types::{StorageError, Types};

/// Makes an empty log and an empty engine in a directory of their own.
struct Builder;

impl StoreBuilder<Types, LogStore, StateMachine, tempfile::TempDir> for Builder {
    async fn build(&self) -> Result<(tempfile::TempDir, LogStore, StateMachine), StorageError> {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = disk::RealDisk::open(directory.path()).expect("a disk");
        let engine = kv::FjallEngine::open(&directory.path().join("rows")).expect("an engine");
        let cluster = ClusterId::from_u128(1);
        let health = Arc::new(Health::default());
        let (beneath, random) = (Arc::clone(&disk), Arc::new(SimRandom::seeded(1)));
        let log = SegmentLog::open(beneath as _, "log", cluster, LogOptions::default(), random)
            .expect("an empty log");
        let store = LogStore::start(log, Arc::clone(&health)).expect("a thread");
        let clock = Arc::new(SimClock::default());
        let admission = Arc::new(Admission::new(Arc::clone(&disk) as _, Arc::clone(&clock) as _));
        let place = SnapshotPlace::new(disk, "log".to_owned());
        let engine = Arc::new(engine);
        let machine = StateMachine::open(engine, clock, cluster, health, admission, place);
        Ok((directory, store, machine.expect("a state machine")))
    }
}

#[test]
fn the_storage_suite_passes() {
    Suite::test_all(Builder).expect("every test of the suite");
}
