//! Plans carried out on a catalog in memory: lifecycle, clean-up, orphans, repair.

mod house;

use core::time::Duration;

use caretaker::{
    CleanUp, ErasedSweep, FoundPart, RepairQueue, RepairScan, condemn_orphans, plan_clean_up,
};
use catalog::command::{
    BucketLockSet, ObjectLegalHoldSet, TenantDelete, TenantShredded, TenantSuspend,
};
use catalog::{
    AfterUpload, Command, DefaultRetention, DefaultRetentionPeriod, LifecycleExpiration,
    LifecycleNoncurrent, ListAsk, ObjectKey, ObjectLock, Refusal, RetentionMode, Tag, VersionAsk,
    Versioning,
};
use house::{BUCKET, House, TENANT, bucket, days};
use units::{ByteCount, DiskId, PartId, Timestamp};

#[test]
fn objects_expire_by_prefix_after_their_days() {
    let mut house = House::new(Versioning::Off, false);
    for key in ["expire/a", "expire/b", "keep/a"] {
        house.put(key, 5, &[]);
    }
    house.rule("expire/", |rule| rule.expiration = days(3));
    house.pass(2);
    house.sweep();
    assert_eq!(house.versions().len(), 3);
    house.pass(1);
    house.put("expire/b", 5, &[]);
    house.sweep();
    assert_eq!(house.versions(), ["expire/b*", "keep/a*"]);
}

#[test]
fn a_date_in_the_past_expires_everything_it_matches() {
    let mut house = House::new(Versioning::Off, false);
    house.put("past/a", 5, &[]);
    house.rule("past/", |rule| {
        rule.expiration = Some(LifecycleExpiration::Date(Timestamp::EPOCH));
    });
    house.sweep();
    assert_eq!(house.versions(), [""; 0]);
}

#[test]
fn a_versioned_object_expires_behind_a_marker_and_only_once() {
    let mut house = House::new(Versioning::Enabled, false);
    house.put("a", 5, &[]);
    house.rule("", |rule| rule.expiration = days(1));
    house.pass(1);
    house.sweep();
    assert_eq!(house.versions(), ["a m*", "a"]);
    house.pass(5);
    house.sweep();
    assert_eq!(house.versions(), ["a m*", "a"], "a marker with a version behind it stays");
}

#[test]
fn tags_and_sizes_narrow_a_rule() {
    let mut house = House::new(Versioning::Off, false);
    house.put("tagged", 5, &[("tom", "sawyer"), ("huck", "finn")]);
    house.put("half", 5, &[("tom", "sawyer")]);
    house.put("large", 500, &[("tom", "sawyer"), ("huck", "finn")]);
    house.rule("", |rule| {
        rule.expiration = days(1);
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
        rule.filter.tags = vec![tag("huck", "finn"), tag("tom", "sawyer")];
        rule.filter.size_less_than = Some(ByteCount::new(100));
    });
    house.pass(1);
    house.sweep();
    assert_eq!(house.versions(), ["half*", "large*"]);
}

#[test]
fn noncurrent_versions_end_but_for_the_newest() {
    let mut house = House::new(Versioning::Enabled, false);
    for _ in 0..6 {
        house.put("a", 5, &[]);
        house.pass(1);
    }
    house.put("b", 5, &[]);
    house.rule("", |rule| {
        rule.noncurrent = Some(LifecycleNoncurrent { days: 2, newer_versions: Some(2) });
    });
    house.sweep();
    assert_eq!(house.versions(), ["a*", "a", "a", "b*"]);
    house.rule("", |rule| {
        rule.noncurrent = Some(LifecycleNoncurrent { days: 1, newer_versions: None });
    });
    house.pass(1);
    house.sweep();
    assert_eq!(house.versions(), ["a*", "b*"]);
}

#[test]
fn a_lone_marker_goes_by_its_rule_or_by_days() {
    for expiration in [Some(LifecycleExpiration::ExpiredObjectDeleteMarker), days(5)] {
        let mut house = House::new(Versioning::Enabled, false);
        house.put("a", 5, &[]);
        house.delete("a");
        house.rule("", |rule| {
            rule.expiration = expiration;
            rule.noncurrent = Some(LifecycleNoncurrent { days: 1, newer_versions: None });
        });
        house.pass(2);
        house.sweep();
        house.sweep();
        let by_rule = expiration == Some(LifecycleExpiration::ExpiredObjectDeleteMarker);
        assert_eq!(house.versions().len(), usize::from(!by_rule), "{expiration:?}");
        house.pass(4);
        house.sweep();
        assert_eq!(house.versions(), [""; 0], "{expiration:?}");
    }
}

#[test]
fn unfinished_uploads_are_given_up() {
    let mut house = House::new(Versioning::Off, false);
    house.upload("test1/a");
    house.upload("test2/");
    house.rule("test1/", |rule| rule.abort_uploads_days = Some(2));
    house.pass(2);
    house.sweep();
    let ask = ListAsk { limit: 10, ..ListAsk::default() };
    let page = house.view().list_uploads(BUCKET, &ask, &AfterUpload::Start);
    let left: Vec<String> =
        page.expect("readable rows").entries.iter().map(|entry| entry.key.to_string()).collect();
    assert_eq!(left, ["test2/"]);
}

#[test]
fn a_rule_does_not_get_round_a_lock() {
    let mut house = House::new(Versioning::Enabled, true);
    let default_retention = Some(DefaultRetention {
        mode: RetentionMode::Governance,
        period: DefaultRetentionPeriod::Days(1),
    });
    let lock = ObjectLock { default_retention };
    house.done(Command::BucketLockSet(BucketLockSet { bucket: bucket(), lock }));
    house.put("a", 5, &[]);
    house.put("a", 5, &[]);
    house.rule("", |rule| {
        rule.noncurrent = Some(LifecycleNoncurrent { days: 1, newer_versions: None });
    });
    house.pass(2);
    house.sweep();
    assert_eq!(house.versions().len(), 2, "the retention of a real day still binds");
    house.now = house.now.after(Duration::from_hours(25));
    house.sweep();
    assert_eq!(house.versions().len(), 1);
    house.done(Command::ObjectLegalHoldSet(ObjectLegalHoldSet {
        bucket: bucket(),
        key: ObjectKey::new("a").expect("a valid key"),
        version: VersionAsk::Current,
        legal_hold: true,
    }));
    house.put("a", 5, &[]);
    house.now = house.now.after(Duration::from_hours(100));
    house.sweep();
    assert_eq!(house.versions().len(), 2, "the legal hold binds without an end");
}

#[test]
fn what_an_erased_tenant_left_goes_whatever_locks_it() {
    let mut house = House::new(Versioning::Enabled, true);
    let default_retention = Some(DefaultRetention {
        mode: RetentionMode::Compliance,
        period: DefaultRetentionPeriod::Days(9_000),
    });
    let lock = ObjectLock { default_retention };
    house.done(Command::BucketLockSet(BucketLockSet { bucket: bucket(), lock }));
    for key in 0..600 {
        house.put(&format!("{key}"), 5, &[]);
        house.put(&format!("{key}"), 5, &[]);
    }
    house.delete("7");
    house.upload("u");
    assert_eq!(house.sweep_erased(false), 0, "a tenant that is served keeps what it has");
    house.done(Command::TenantSuspend(TenantSuspend { id: TENANT }));
    assert_eq!(house.sweep_erased(false), 0, "and so does one that is suspended");
    assert_eq!(house.versions().len(), 1_000, "a page of them");
    assert_eq!(house.sweep_erased(true), 3, "told that its key is destroyed, and two batches");
    assert_eq!(house.view().bucket(&bucket().name).expect("readable rows"), None);
    house.done(Command::TenantDelete(TenantDelete { id: TENANT }));
}

#[test]
fn a_bucket_that_does_not_go_keeps_none_of_the_others() {
    let mut house = House::new(Versioning::Off, false);
    house.done(Command::TenantShredded(TenantShredded { id: TENANT }));
    let mut sweep = ErasedSweep::default();
    let mut step = || sweep.step(&house.view(), |_| false).expect("readable rows");
    let asked = step().command;
    assert!(matches!(&asked, Some(Command::BucketClear(_))), "{asked:?}");
    assert_eq!(step().command, asked, "what was cut before it was told is asked again");
    sweep.told(Err(&Refusal::Damaged { kind: "object version".to_owned() }));
    let step = sweep.step(&house.view(), |_| false).expect("readable rows");
    assert!(step.finished && step.command.is_none(), "it is passed over until the next pass");
    let step = sweep.step(&house.view(), |_| false).expect("readable rows");
    assert_eq!(step.command, asked, "which tries once more");
}

#[test]
fn released_parts_are_removed_and_then_forgotten() {
    let mut house = House::new(Versioning::Off, false);
    house.put("a", 5, &[]);
    house.delete("a");
    let plan = plan_clean_up(&house.view(), None).expect("readable rows");
    assert_eq!(plan.removals.len(), 1);
    assert_eq!(plan.removals[0].disks, [DiskId::from_u128(1), DiskId::from_u128(2)]);
    let part = plan.removals[0].part;
    house.done(CleanUp::forget(vec![part]));
    assert!(plan_clean_up(&house.view(), None).expect("readable rows").is_idle());
    assert!(!house.view().part_known(part).expect("readable rows"));
}

#[test]
fn orphans_are_condemned_after_the_grace_period() {
    let mut house = House::new(Versioning::Off, false);
    house.put("a", 5, &[]);
    let now = house.now;
    let found = |part, age| FoundPart {
        part: PartId::from_u128(part),
        written: Timestamp::from_micros(now.micros() - age),
    };
    let grace = Duration::from_mins(1);
    let all = [found(1, 99_000_000), found(98, 59_000_000), found(99, 61_000_000)];
    let command = condemn_orphans(&house.view(), &all, now, grace).expect("readable rows");
    let condemned = Command::PartCondemn { parts: vec![PartId::from_u128(99)] };
    assert_eq!(command, Some(condemned.clone()));
    house.done(condemned);
    let plan = plan_clean_up(&house.view(), None).expect("readable rows");
    assert_eq!(plan.removals.len(), 1);
    assert_eq!(plan.removals[0].disks, []);
}

#[test]
fn parts_on_a_lost_disk_are_found() {
    let mut house = House::new(Versioning::Off, false);
    house.put("a", 5, &[]);
    house.put("b", 5, &[]);
    house.delete("b");
    let mut queue = RepairQueue::default();
    let mut scan = RepairScan::default();
    let is_lost = |disk| disk == DiskId::from_u128(2);
    let now = Duration::from_secs(7);
    let scanned = scan.step(&house.view(), is_lost, now, &mut queue).expect("readable rows");
    assert_eq!((scanned.found, scanned.finished), (1, true));
    let task = queue.take(now).expect("one part to repair");
    assert_eq!((task.part, task.spare), (PartId::from_u128(1), 0));
    assert!(queue.is_empty(), "a released part is not repaired");

    let row = house.view().part(task.part).expect("readable rows").expect("it is there");
    queue.pause(task.part, &row, now);
    let mut scan =
        |now| scan.step(&house.view(), is_lost, now, &mut queue).map(|s| (s.found, queue.len()));
    assert_eq!(scan(now).expect("readable rows"), (1, 0), "counted, and left alone");
    let later = now + caretaker::limits::REPAIR_PAUSE_MIN;
    assert_eq!(scan(later).expect("readable rows"), (1, 1));
}
