//! What the simulated disk forgets, and what it never does.

use std::collections::BTreeSet;

use disk::{
    Disk, DiskError, Fault, OperationKind, SimDisk, Survival, read_file, write_file_atomically,
};
use units::ByteCount;

#[test]
fn what_was_synced_survives_and_the_rest_may_not() {
    let disk = SimDisk::new();
    let file = disk.create("f").unwrap();
    file.write_all_at(&[1; 2_000], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir("").unwrap();
    file.write_all_at(&[2; 4_000], 1_000).unwrap();
    disk.create("g").unwrap();
    let mut seen = BTreeSet::new();
    let mut names = BTreeSet::new();
    for seed in 0..400 {
        let later = disk.after_power_cut(Survival::Drawn(seed));
        names.insert(later.list("").unwrap().len());
        let bytes = read_file(&*later, "f", 10_000).unwrap();
        assert!(bytes.len() >= 2_000);
        assert!(bytes[..1_000].iter().all(|b| *b == 1), "synced bytes survive");
        // Torn only at multiples of 512: each sector is old or new as a whole.
        for start in (1_024..4_608_usize).step_by(512) {
            let Some(sector) = bytes.get(start..start + 512) else { continue };
            let first = sector[0];
            let mixed = start < 2_000 && start + 512 > 2_000;
            assert!(mixed || sector.iter().all(|b| *b == first), "seed {seed}");
        }
        seen.insert(bytes);
    }
    assert!(seen.len() > 50, "many different survivals: {}", seen.len());
    assert_eq!(names, BTreeSet::from([1, 2]), "an unsynced name may go or stay");
    let lost = disk.after_power_cut(Survival::LoseAll);
    assert_eq!(read_file(&*lost, "f", 10_000).unwrap(), [1; 2_000]);
    let kept = disk.after_power_cut(Survival::KeepAll);
    assert_eq!(read_file(&*kept, "f", 10_000).unwrap().len(), 5_000);
}

#[test]
fn the_power_goes_at_the_operation_named() {
    let disk = SimDisk::new();
    let file = disk.create("f").unwrap();
    disk.cut_before(2);
    file.write_all_at(b"a", 0).unwrap();
    assert!(!file.sync_data().is_ok_and(|()| true));
    assert!(disk.is_cut());
    assert!(file.read_at(0, 1).is_err(), "nothing answers without power");
    let later = disk.after_power_cut(Survival::KeepAll);
    assert_eq!(read_file(&*later, "f", 1).unwrap(), b"a");
}

#[test]
fn a_failed_sync_poisons_and_its_bytes_stay_in_doubt() {
    let disk = SimDisk::new();
    let file = disk.create("f").unwrap();
    disk.sync_dir("").unwrap();
    file.write_all_at(b"doubtful", 0).unwrap();
    disk.fail(OperationKind::SyncData, 0, Fault::Io);
    assert!(matches!(file.sync_data(), Err(DiskError::Io { .. })));
    assert!(disk.is_poisoned());
    assert!(matches!(file.sync_data(), Err(DiskError::Poisoned { .. })));
    assert!(matches!(file.write_all_at(b"x", 0), Err(DiskError::Poisoned { .. })));
    assert_eq!(file.read_at(0, 8).unwrap(), b"doubtful", "reads go on");
    // Another process may try again, and is lied to.
    disk.restart();
    disk.open("f").unwrap().sync_data().unwrap();
    let lost = disk.after_power_cut(Survival::LoseAll);
    assert_eq!(read_file(&*lost, "f", 10).unwrap(), b"");
}

#[test]
fn faults_come_when_planned() {
    let disk = SimDisk::new();
    disk.fail(OperationKind::Write, 1, Fault::Full);
    let file = disk.create("f").unwrap();
    file.write_all_at(b"first", 0).unwrap();
    assert!(matches!(file.write_all_at(b"second", 5), Err(DiskError::Full { .. })));
    assert_eq!(file.length().unwrap().get(), 8, "a failed write may land in part");
    file.write_all_at(b"third", 5).unwrap();
    disk.fail(OperationKind::Rename, 0, Fault::Io);
    assert!(disk.rename("f", "g").is_err());
    disk.fail(OperationKind::Reserve, 0, Fault::Full);
    assert!(matches!(file.reserve(ByteCount::new(9)), Err(DiskError::Full { .. })));
    assert_eq!((disk.faults_waiting(), disk.faults_happened()), (0, 3));
}

#[test]
fn a_full_disk_takes_no_more_until_room_is_given_back() {
    let disk = SimDisk::with_capacity(ByteCount::new(64 * 1024));
    let file = disk.create("f").unwrap();
    file.reserve(ByteCount::new(60 * 1024)).unwrap();
    assert_eq!(disk.space().unwrap().free.get(), 4 * 1024);
    let other = disk.create("g").unwrap();
    other.write_all_at(&[1; 4_096], 0).unwrap();
    assert!(matches!(other.write_all_at(&[1; 10], 4_096), Err(DiskError::Full { .. })));
    file.write_all_at(&vec![1; 60 * 1024], 0).unwrap();
    file.punch(0, ByteCount::new(8_192)).unwrap();
    other.write_all_at(&[1; 10], 8_192).unwrap();
    assert_eq!(disk.space().unwrap().free.get(), 4 * 1024);
    file.reserve(ByteCount::new(60 * 1024)).unwrap();
    assert_eq!(disk.space().unwrap().free.get(), 4 * 1024, "a reservation fills no holes");
    disk.remove("f").unwrap();
    assert_eq!(disk.space().unwrap().free.get(), 56 * 1024);
}

/// Cuts the power at every operation of an atomic write: the file must hold the old
/// bytes or the new, and the new once the write was answered.
fn atomic_trial() -> Result<(), String> {
    let (old, new) = (vec![1; 3_000], vec![2; 3_000]);
    for cut in 0..20 {
        let disk = SimDisk::new();
        write_file_atomically(&*disk, "f", &old).map_err(|error| error.to_string())?;
        disk.cut_before(disk.operations() + cut);
        let answered = write_file_atomically(&*disk, "f", &new).is_ok();
        for seed in 0..40 {
            let later = disk.after_power_cut(Survival::Drawn(seed));
            let bytes = read_file(&*later, "f", 10_000)
                .map_err(|error| format!("cut {cut}, survival {seed}: {error}"))?;
            if bytes != new && (answered || bytes != old) {
                return Err(format!("cut {cut}, survival {seed}: {} bytes", bytes.len()));
            }
        }
    }
    Ok(())
}

#[cfg(not(feature = "planted"))]
#[test]
fn an_atomic_write_is_atomic_wherever_the_power_is_cut() {
    atomic_trial().unwrap();
}

/// `cargo test -p disk --features planted`
#[cfg(feature = "planted")]
#[test]
fn every_planted_bug_is_caught() {
    atomic_trial().unwrap();
    for bug in disk::PLANTED {
        units::planted::select(Some(bug.name));
        assert!(atomic_trial().is_err(), "{} was not caught", bug.name);
    }
    units::planted::select(None);
}
