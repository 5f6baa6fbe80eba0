//! Single rules that the model of the trials does not know: tenants, keys,
//! settings, shared and condemned parts, the feed, completing twice.

use core::time::Duration;
use std::sync::Arc;

use catalog::command::{
    BucketClear, BucketCreate, BucketDelete, BucketKeyRewrap, BucketOwnershipSet, BucketRef,
    BucketSettingSet, Cause, ContentPut, DeleteCondition, DeleteGuard, DeleteItem, DiskForget,
    KeyCreate, KeyRevoke, NamedKeyCreate, NamedKeyRewrap, NewVersion, ObjectAclSet, ObjectDelete,
    ObjectPut, PartCopyAdd, PartLayout, PartSlotMove, PutCondition, PutOrigin, TenantCreate,
    TenantCreateWithEmail, TenantDelete, TenantErase, TenantQuotaSet, TenantResume, TenantShredded,
    TenantSuspend, UploadComplete, UploadCreate, UploadPartPut, UserCreate, UserDelete,
};
use catalog::limits::DISKS_FORGOTTEN_MAX;
use catalog::record::Record;
use catalog::{
    AccessKeyId, Acl, BucketName, Command, ETag, Encryption, ForgottenDisk, Grant, Grantee, Job,
    KeyScope, MemoryRows, NamedKeyName, ObjectHeaders, ObjectKey, Outcome, Ownership, PartAsk,
    PartReference, Permission, Quota, QuotaSubject, Refusal, Retention, RetentionMode, SealedBytes,
    SettingKind, Stamped, Success, TenantName, UserName, VersionAsk, View, apply,
};
use units::hash::Md5;
use units::{
    BucketId, ByteCount, DiskId, FragmentNumber, PartId, PartNumber, ReferenceId, Sequence,
    TenantId, Timestamp, UploadId, UserId,
};

const TENANT: TenantId = TenantId::from_u128(1);
const UPLOAD: UploadId = UploadId::from_u128(77);

#[derive(Default)]
struct House {
    rows: Arc<MemoryRows>,
    now: Timestamp,
    drawn: u64,
}

fn text<T: core::str::FromStr>(text: &str) -> T
where
    T::Err: core::fmt::Debug,
{
    text.parse().expect("a valid name")
}

fn bucket() -> BucketRef {
    BucketRef { name: text("archives"), id: BucketId::from_u128(2) }
}

fn bucket_create(name: BucketName, tenant: TenantId, object_lock: bool) -> Command {
    Command::BucketCreate(BucketCreate {
        id: bucket().id,
        name,
        tenant,
        wrapped_key: SealedBytes::new(vec![1]),
        object_lock,
        ownership: None,
        acl: None,
    })
}

fn tenant_create(id: u128, name: &str) -> Command {
    let name: TenantName = text(name);
    Command::TenantCreate(TenantCreate {
        id: TenantId::from_u128(id),
        name,
        quota: Quota::default(),
        wrapped_key: SealedBytes::new(vec![1]),
    })
}

fn part(number: u16, id: u128, size: u64) -> PartReference {
    PartReference {
        part: PartId::from_u128(id),
        number: PartNumber::new(number),
        size: ByteCount::new(size),
        md5: Md5([1; 16]),
        checksum: None,
        modified: Timestamp::EPOCH,
        wrapped_key: SealedBytes::default(),
    }
}

fn layout() -> PartLayout {
    PartLayout {
        stripe_bytes: 1 << 20,
        stripe_count: 1,
        codec: 1,
        data: 1,
        parity: 1,
        slots: vec![DiskId::from_u128(1), DiskId::from_u128(2)],
    }
}

impl House {
    fn open(object_lock: bool) -> Self {
        let mut house = Self { now: Timestamp::from_seconds(1_000), ..Self::default() };
        house.done(tenant_create(1, "mairie"));
        house.done(bucket_create(bucket().name, TENANT, object_lock));
        house
    }

    fn say(&mut self, command: Command) -> Outcome {
        let stamped = Stamped { at: self.now, command };
        let applied = apply(&*self.rows, &[stamped]).expect("rows in memory can be read");
        Arc::make_mut(&mut self.rows).commit(applied.batch);
        applied.outcomes.into_iter().next().expect("one outcome per command")
    }

    #[track_caller]
    fn done(&mut self, command: Command) -> Success {
        self.say(command).expect("not refused")
    }

    #[track_caller]
    fn refused(&mut self, command: Command, expected: &Refusal) {
        let before = self.rows.clone();
        assert_eq!(self.say(command).as_ref(), Err(expected));
        assert!(before == self.rows, "a refused command leaves no trace");
    }

    fn view(&self) -> View {
        View::new(self.rows.clone())
    }

    fn put(&mut self, key: &str, size: u64, content: ContentPut) -> Command {
        self.drawn += 1;
        let reference = ReferenceId::from_u128(u128::from(self.drawn));
        let mut version = NewVersion::empty(self.drawn, reference, ETag::Md5(Md5([1; 16])));
        version.size = ByteCount::new(size);
        version.content = content;
        Command::ObjectPut(Box::new(ObjectPut {
            bucket: bucket(),
            key: text(key),
            version,
            condition: PutCondition::default(),
            origin: PutOrigin::Body,
        }))
    }

    fn put_part(&mut self, key: &str, id: u128, size: u64) -> Command {
        let reference = part(1, id, size);
        self.put(key, size, ContentPut::NewPart { reference, layout: layout() })
    }

    fn delete(key: &str) -> Command {
        let item = DeleteItem {
            key: text(key),
            version: VersionAsk::Current,
            condition: DeleteCondition::default(),
            guard: DeleteGuard::None,
            marker_random: 1,
            marker_reference: ReferenceId::from_u128(1),
        };
        Command::ObjectDelete(ObjectDelete {
            bucket: bucket(),
            item,
            bypass_governance: false,
            cause: Cause::Client,
        })
    }

    fn upload(&mut self, key: &str, parts: &[(u16, u128, u64)]) {
        self.done(Command::UploadCreate(Box::new(UploadCreate {
            bucket: bucket(),
            key: text(key),
            upload: UPLOAD,
            initiator: None,
            owner: None,
            storage_class: None,
            checksum: None,
            headers: ObjectHeaders::default(),
            metadata: Vec::new(),
            tags: Vec::new(),
            retention: None,
            legal_hold: None,
            encryption: Encryption::Unasked,
            acl: None,
            website_redirect: None,
        })));
        for (number, id, size) in parts {
            self.done(Command::UploadPartPut(UploadPartPut {
                bucket: bucket(),
                key: text(key),
                upload: UPLOAD,
                reference: part(*number, *id, *size),
                layout: Some(layout()),
            }));
        }
    }

    fn complete(key: &str, parts: &[(u16, u128)]) -> Command {
        let one = |(number, id): &(u16, u128)| (PartNumber::new(*number), PartId::from_u128(*id));
        Command::UploadComplete(Box::new(UploadComplete {
            bucket: bucket(),
            key: text(key),
            upload: UPLOAD,
            parts: parts.iter().map(one).collect(),
            etag: ETag::Multipart {
                digest: Md5([2; 16]),
                parts: u16::try_from(parts.len()).expect("few parts"),
            },
            checksum: None,
            size: None,
            random: 5,
            condition: PutCondition::default(),
        }))
    }
}

#[test]
fn completing_again_answers_the_same_while_the_version_lives() {
    let mut house = House::open(false);
    house.upload("k", &[(1, 10, 5 << 20), (2, 11, 3), (3, 12, 3)]);
    let first = house.done(House::complete("k", &[(1, 10), (2, 11)]));
    house.now = house.now.after(Duration::from_secs(5));
    assert_eq!(house.done(House::complete("k", &[(1, 10), (2, 11)])), first);
    let view = house.view();
    let row = view.bucket(&bucket().name).expect("readable").expect("there");
    let again = view.completed(&row, &text("k"), UPLOAD).expect("readable rows");
    assert_eq!(again.map(Success::Put), Some(first));
    house.refused(House::complete("other", &[(1, 10)]), &Refusal::NoSuchUpload);
    let more = House::complete("k", &[(1, 10), (2, 11), (3, 12)]);
    house.refused(more, &Refusal::NoSuchUpload);
    let put = house.put_part("k", 13, 9);
    house.done(put);
    house.refused(House::complete("k", &[(1, 10), (2, 11)]), &Refusal::NoSuchUpload);
}

#[test]
fn the_plan_of_a_completion_tells_what_is_wrong_with_the_list() {
    let mut house = House::open(false);
    house.upload("k", &[(1, 10, 5 << 20), (2, 11, 3), (3, 12, 3)]);
    let plan = |numbers: &[u16], etag: u8| {
        let ask = |number: &u16| PartAsk {
            number: PartNumber::new(*number),
            etag: ETag::Md5(Md5([etag; 16])),
            checksum: None,
        };
        let asked: Vec<PartAsk> = numbers.iter().map(ask).collect();
        let key: ObjectKey = text("k");
        house.view().complete_plan(bucket().id, &key, UPLOAD, &asked).expect("readable rows")
    };
    let invalid = |number| Refusal::InvalidPart { number: PartNumber::new(number) };
    assert_eq!(plan(&[1, 3], 1).map(|plan| plan.size.get()), Ok((5 << 20) + 3));
    assert_eq!(plan(&[3, 1], 1), Err(Refusal::InvalidPartOrder));
    assert_eq!(plan(&[1, 1], 1), Err(Refusal::InvalidPartOrder));
    assert_eq!(plan(&[9_999], 1), Err(invalid(9_999)));
    assert_eq!(plan(&[1], 7), Err(invalid(1)));
    assert!(matches!(plan(&[2, 3], 1), Err(Refusal::EntityTooSmall { .. })));
}

#[test]
fn a_released_or_condemned_part_is_not_taken_again() {
    let mut house = House::open(false);
    let put = house.put_part("a", 10, 5);
    house.done(put);
    house.done(House::delete("a"));
    let share = house.put("b", 5, ContentPut::SharedPart(part(1, 10, 5)));
    house.refused(share, &Refusal::PartGone { part: PartId::from_u128(10) });
    house.done(Command::PartCondemn { parts: vec![PartId::from_u128(20)] });
    let late = house.put_part("b", 20, 5);
    house.refused(late, &Refusal::PartExists { part: PartId::from_u128(20) });
}

#[test]
fn a_part_that_is_referred_to_is_never_forgotten() {
    let mut house = House::open(false);
    let put = house.put_part("a", 10, 5);
    house.done(put);
    let parts = vec![PartId::from_u128(10)];
    let forgotten = house.done(Command::PartForget { parts: parts.clone() });
    assert_eq!(forgotten, Success::Forgotten { parts: 0 });
    house.done(House::delete("a"));
    assert_eq!(house.done(Command::PartForget { parts }), Success::Forgotten { parts: 1 });
    assert_eq!(house.view().releases(None, 10).expect("readable rows"), []);
}

#[test]
fn a_slot_moves_only_from_where_it_is() {
    let mut house = House::open(false);
    let put = house.put_part("a", 10, 5);
    house.done(put);
    let step = |slot, from, to| {
        Command::PartSlotMove(PartSlotMove {
            part: PartId::from_u128(10),
            slot: FragmentNumber::new(slot),
            from: DiskId::from_u128(from),
            to: DiskId::from_u128(to),
        })
    };
    house.refused(step(0, 1, 2), &Refusal::SlotMoved);
    house.refused(step(0, 9, 3), &Refusal::SlotMoved);
    house.refused(step(7, 1, 3), &Refusal::SlotMoved);
    house.done(step(0, 1, 3));
    let row = house.view().part(PartId::from_u128(10)).expect("readable").expect("there");
    assert_eq!(row.slots, [DiskId::from_u128(3), DiskId::from_u128(2)]);
}

#[test]
fn a_part_gets_a_copy_more_only_where_it_has_none() {
    let mut house = House::open(false);
    let disks = |of: &[u128]| of.iter().map(|disk| DiskId::from_u128(*disk)).collect::<Vec<_>>();
    for (key, id, data, slots) in [("cut", 11, 2, disks(&[1, 2])), ("a", 10, 1, disks(&[1]))] {
        let layout = PartLayout { data, parity: 0, slots, ..layout() };
        let put = house.put(key, 5, ContentPut::NewPart { reference: part(1, id, 5), layout });
        house.done(put);
    }
    let add = |part, copies, to| {
        Command::PartCopyAdd(PartCopyAdd {
            part: PartId::from_u128(part),
            copies,
            to: DiskId::from_u128(to),
        })
    };
    // A part that is cut in two has no copies to add to.
    house.refused(add(11, 2, 9), &Refusal::CopiesChanged);
    house.refused(add(10, 1, 1), &Refusal::CopiesChanged);
    house.refused(add(10, 2, 2), &Refusal::CopiesChanged);
    house.refused(add(99, 1, 2), &Refusal::PartGone { part: PartId::from_u128(99) });
    house.done(add(10, 1, 2));
    house.refused(add(10, 1, 3), &Refusal::CopiesChanged);
    let row = house.view().part(PartId::from_u128(10)).expect("readable").expect("there");
    assert_eq!((row.data, row.parity), (1, 1));
    assert_eq!(row.slots, disks(&[1, 2]));
    // A disk that is being forgotten, and one that was.
    house.done(House::delete("cut"));
    house.done(Command::PartForget { parts: vec![PartId::from_u128(11)] });
    let put = house.put_part("b", 12, 5);
    house.done(put);
    assert_eq!(house.done(disk_forget(7, 1)), Success::DiskForget { finished: false });
    house.done(add(10, 2, 7));
    let (disk, on) = (DiskId::from_u128(7), PartId::from_u128(10));
    house.refused(disk_forget(7, 9), &Refusal::DiskInUse { disk, part: on });
    assert_eq!(house.done(disk_forget(8, 9)), Success::DiskForget { finished: true });
    house.refused(add(10, 3, 8), &Refusal::DiskForgotten { disk: DiskId::from_u128(8) });
    house.done(House::delete("a"));
    house.refused(add(10, 3, 3), &Refusal::PartGone { part: PartId::from_u128(10) });
}

fn disk_forget(disk: u128, rows: u32) -> Command {
    Command::DiskForget(DiskForget { disk: DiskId::from_u128(disk), rows })
}

fn slot_move(part: u128, slot: u8, from: u128, to: u128) -> Command {
    Command::PartSlotMove(PartSlotMove {
        part: PartId::from_u128(part),
        slot: FragmentNumber::new(slot),
        from: DiskId::from_u128(from),
        to: DiskId::from_u128(to),
    })
}

#[test]
fn a_disk_is_forgotten_once_nothing_lies_on_it() {
    let mut house = House::open(false);
    for id in [10, 11, 12] {
        let put = house.put_part(&id.to_string(), id, 5);
        house.done(put);
    }
    let (disk, part) = (DiskId::from_u128(2), PartId::from_u128(10));
    house.refused(disk_forget(2, 9), &Refusal::DiskInUse { disk, part });
    house.done(slot_move(10, 1, 2, 3));
    house.done(slot_move(11, 1, 2, 3));
    let part = PartId::from_u128(12);
    house.refused(disk_forget(2, 9), &Refusal::DiskInUse { disk, part });
    // A part that was deleted counts until its row is gone.
    house.done(House::delete("12"));
    house.refused(disk_forget(2, 9), &Refusal::DiskInUse { disk, part });
    house.done(Command::PartForget { parts: vec![part] });
    assert_eq!(house.view().disks_forgotten().expect("readable rows"), []);
    assert_eq!(house.done(disk_forget(2, 9)), Success::DiskForget { finished: true });
    let forgotten = ForgottenDisk { disk, at: house.now };
    house.now = Timestamp::from_seconds(2_000);
    assert_eq!(house.done(disk_forget(2, 9)), Success::DiskForget { finished: true }, "again");
    assert_eq!(house.view().disks_forgotten().expect("readable rows"), [forgotten]);
    // Nothing comes back to it: no new part, and no slot of one.
    let refusal = Refusal::DiskForgotten { disk };
    let put = house.put_part("13", 13, 5);
    house.refused(put, &refusal);
    house.refused(slot_move(10, 1, 3, 2), &refusal);
    house.done(slot_move(10, 1, 3, 4));
}

#[test]
fn a_disk_is_forgotten_in_steps_and_what_comes_between_them_counts() {
    let mut house = House::open(false);
    for id in [10, 20, 30] {
        let put = house.put_part(&id.to_string(), id, 5);
        house.done(put);
        house.done(slot_move(id, 1, 2, 3));
    }
    let (on, done) =
        (Success::DiskForget { finished: false }, Success::DiskForget { finished: true });
    assert_eq!(
        [house.done(disk_forget(2, 1)), house.done(disk_forget(2, 1))],
        [on.clone(), on.clone()]
    );
    // Behind the search: a part that was looked at, and one that is new.
    house.done(slot_move(10, 1, 3, 2));
    let (disk, part) = (DiskId::from_u128(2), PartId::from_u128(10));
    house.refused(disk_forget(2, 9), &Refusal::DiskInUse { disk, part });
    house.done(slot_move(10, 1, 2, 3));
    assert_eq!(house.done(disk_forget(2, 2)), on);
    let put = house.put_part("15", 15, 5);
    house.done(put);
    let part = PartId::from_u128(15);
    house.refused(disk_forget(2, 9), &Refusal::DiskInUse { disk, part });
    house.done(slot_move(15, 1, 2, 3));
    // A search for another disk begins anew, and so does this one after it.
    assert_eq!(house.done(disk_forget(2, 3)), on);
    assert_eq!(house.done(disk_forget(7, 3)), on);
    let steps = [2, 2, 2].map(|rows| house.done(disk_forget(2, rows)));
    assert_eq!(steps, [on.clone(), on, done]);
}

#[test]
fn no_more_disks_are_forgotten_than_are_remembered() {
    let mut house = House::open(false);
    let most = DISKS_FORGOTTEN_MAX as u128;
    for disk in 100..100 + most {
        house.done(disk_forget(disk, 1));
    }
    let what = "the list of forgotten disks".to_owned();
    let refusal = Refusal::TooLarge { what, max: DISKS_FORGOTTEN_MAX as u64 };
    house.refused(disk_forget(7, 1), &refusal);
    house.done(disk_forget(100, 1));
}

#[test]
fn a_bucket_deleted_with_uploads_leaves_nothing_behind() {
    let mut house = House::open(false);
    house.upload("k", &[(1, 10, 5), (2, 11, 5)]);
    house.done(Command::BucketDelete(BucketDelete { bucket: bucket() }));
    assert!(house.view().tenant_usage(TENANT).expect("readable rows").is_nothing());
    // One row at a time: the bucket's upload, its two parts, the end of the manifest.
    let mut steps = 1;
    while house.done(Command::ReleaseAdvance { rows: 1 }) == (Success::Released { more: true }) {
        steps += 1;
        assert!(steps < 10, "the queue does not get shorter");
    }
    let released = house.view().releases(None, 10).expect("readable rows");
    assert_eq!(released.len(), 2);
    let parts = [10, 11].map(PartId::from_u128).to_vec();
    assert_eq!(house.done(Command::PartForget { parts }), Success::Forgotten { parts: 2 });
    house.done(Command::TenantDelete(TenantDelete { id: TENANT }));
    let newest = house.view().feed(Sequence::ZERO, 100).expect("readable rows").newest;
    house.done(Command::FeedTrim { through: newest });
    assert_eq!(house.rows.count(), 2, "the counters, and the key that is to be destroyed");
    house.done(Command::JobSet { name: Job::shred_of(TENANT), state: None });
    assert_eq!(house.rows.count(), 1, "only the counters are left");
}

#[test]
fn names_are_taken_once() {
    let mut house = House::open(false);
    house.refused(tenant_create(9, "mairie"), &Refusal::TenantExists);
    house.refused(tenant_create(1, "autre"), &Refusal::TenantExists);
    house.done(tenant_create(9, "voisin"));
    let mine = Refusal::BucketExists { owned_by_caller: true };
    house.refused(bucket_create(bucket().name, TENANT, false), &mine);
    let other = Refusal::BucketExists { owned_by_caller: false };
    house.refused(bucket_create(bucket().name, TenantId::from_u128(9), false), &other);
    house.refused(Command::TenantDelete(TenantDelete { id: TENANT }), &Refusal::TenantNotEmpty);
}

#[test]
fn an_email_address_names_one_tenant_while_it_is_there() {
    let mut house = House::open(false);
    let create = |id, name| {
        let Command::TenantCreate(tenant) = tenant_create(id, name) else { unreachable!() };
        let email = text("contact@mairie.example");
        Command::TenantCreateWithEmail(TenantCreateWithEmail { tenant, email })
    };
    house.done(create(9, "voisin"));
    house.refused(create(10, "autre"), &Refusal::EmailTaken);
    house.refused(create(10, "voisin"), &Refusal::TenantExists);
    let found = house.view().tenant_by_email(&text("contact@mairie.example"));
    assert_eq!(found.expect("readable rows").map(|it| it.id), Some(TenantId::from_u128(9)));
    house.done(Command::TenantDelete(TenantDelete { id: TenantId::from_u128(9) }));
    let found = house.view().tenant_by_email(&text("contact@mairie.example"));
    assert_eq!(found.expect("readable rows"), None);
    house.done(create(10, "autre"));
}

#[test]
fn named_keys_are_made_once_and_rewrapped_from_what_is_stored() {
    let mut house = House::open(false);
    let name: NamedKeyName = text("archives");
    let bytes = |byte| SealedBytes::new(vec![byte]);
    let create = |tenant| {
        let name = name.clone();
        Command::NamedKeyCreate(NamedKeyCreate { tenant, name, wrapped_key: bytes(1) })
    };
    let rewrap = |name: &NamedKeyName, old, new| {
        let (name, old, new) = (name.clone(), bytes(old), bytes(new));
        Command::NamedKeyRewrap(NamedKeyRewrap { tenant: TENANT, name, old, new })
    };
    house.refused(create(TenantId::from_u128(7)), &Refusal::NoSuchTenant);
    house.refused(rewrap(&name, 1, 2), &Refusal::NoSuchNamedKey);
    house.done(create(TENANT));
    house.refused(create(TENANT), &Refusal::NamedKeyExists);
    house.refused(rewrap(&name, 2, 3), &Refusal::KeyChanged);
    house.done(rewrap(&name, 1, 2));
    let keys = house.view().named_keys(TENANT, None, 10).expect("readable rows");
    let found: Vec<_> = keys.iter().map(|key| (key.name.as_str(), &key.wrapped_key)).collect();
    assert_eq!(found, [("archives", &bytes(2))]);
    let after = house.view().named_keys(TENANT, Some(&name), 10).expect("readable rows");
    assert_eq!(after, []);
}

#[test]
fn a_command_for_another_bucket_of_the_same_name_is_refused() {
    let mut house = House::open(false);
    let stale = BucketRef { id: BucketId::from_u128(99), ..bucket() };
    house.refused(Command::BucketDelete(BucketDelete { bucket: stale }), &Refusal::NoSuchBucket);
}

#[test]
fn a_suspended_tenant_is_not_served_and_an_erased_one_never_again() {
    let mut house = House::open(false);
    house.done(Command::TenantSuspend(TenantSuspend { id: TENANT }));
    let put = house.put("a", 0, ContentPut::Empty);
    house.refused(put.clone(), &Refusal::TenantSuspended);
    house.done(Command::TenantResume(TenantResume { id: TENANT }));
    house.done(put);
    house.done(Command::TenantErase(TenantErase { id: TENANT }));
    let tenant = house.view().tenant(TENANT).expect("readable").expect("there");
    assert!(tenant.wrapped_key.is_empty());
    let jobs = house.view().jobs(None, 10).expect("readable");
    let shredded: Vec<_> = jobs.iter().filter_map(|(name, _)| Job::shreds(name)).collect();
    assert_eq!(shredded, [TENANT], "its key is to be destroyed, whatever happens now");
    let resume = Command::TenantResume(TenantResume { id: TENANT });
    house.refused(resume, &Refusal::TenantErased);
    let put = house.put("b", 0, ContentPut::Empty);
    house.refused(put, &Refusal::TenantErased);
}

#[test]
fn erasing_a_tenant_does_not_get_round_a_lock() {
    let mut house = House::open(true);
    let put = house.put("a", 0, ContentPut::Empty);
    house.done(put);
    let erase = Command::TenantErase(TenantErase { id: TENANT });
    assert!(matches!(house.say(erase), Err(Refusal::ObjectLocked { .. })));
}

/// A bucket with object lock, two versions under compliance retention and legal hold, a
/// marker and an unfinished upload.
fn locked_house() -> House {
    let mut house = House::open(true);
    for id in [10, 11] {
        let mut put = house.put_part("a", id, 5);
        if let Command::ObjectPut(put) = &mut put {
            let until = Timestamp::from_seconds(1 << 40);
            put.version.retention = Some(Retention { mode: RetentionMode::Compliance, until });
            put.version.legal_hold = Some(true);
        }
        house.done(put);
    }
    house.done(House::delete("a"));
    house.upload("k", &[(1, 12, 5), (2, 13, 5)]);
    house
}

fn clear(versions: u32) -> Command {
    Command::BucketClear(BucketClear { bucket: bucket(), from: None, versions })
}

#[test]
fn only_an_erased_tenant_is_cleared_and_then_whatever_locks_it() {
    let mut house = locked_house();
    house.refused(clear(9), &Refusal::TenantNotErased);
    house.done(Command::TenantSuspend(TenantSuspend { id: TENANT }));
    house.refused(clear(9), &Refusal::TenantNotErased);
    let erase = Command::TenantErase(TenantErase { id: TENANT });
    assert!(matches!(house.say(erase), Err(Refusal::ObjectLocked { .. })), "not past a lock");
    house.done(Command::TenantShredded(TenantShredded { id: TENANT }));
    let tenant = house.view().tenant(TENANT).expect("readable").expect("there");
    assert!(tenant.wrapped_key.is_empty());
    house.refused(Command::TenantDelete(TenantDelete { id: TENANT }), &Refusal::TenantNotEmpty);
    let cleared = house.done(clear(2));
    let next = Some(text("a"));
    assert_eq!(cleared, Success::Cleared { versions: 2, next: next.clone(), bucket_gone: false });
    let rest = Command::BucketClear(BucketClear { bucket: bucket(), from: next, versions: 2 });
    let cleared = house.done(rest);
    assert_eq!(cleared, Success::Cleared { versions: 1, next: None, bucket_gone: true });
    assert!(house.view().tenant_usage(TENANT).expect("readable rows").is_nothing());
    house.refused(clear(9), &Refusal::NoSuchBucket);
    while house.done(Command::ReleaseAdvance { rows: 9 }) == (Success::Released { more: true }) {}
    assert_eq!(house.view().releases(None, 10).expect("readable rows").len(), 4, "all parts");
    house.done(Command::TenantDelete(TenantDelete { id: TENANT }));
}

#[test]
fn a_part_that_another_tenant_shares_stays_when_one_is_cleared() {
    let mut house = House::open(false);
    let put = house.put_part("a", 10, 5);
    house.done(put);
    house.done(tenant_create(3, "voisine"));
    let other = BucketRef { name: text("voisine"), id: BucketId::from_u128(4) };
    let mut create = bucket_create(other.name.clone(), TenantId::from_u128(3), false);
    if let Command::BucketCreate(create) = &mut create {
        create.id = other.id;
    }
    house.done(create);
    let mut copy = house.put("b", 5, ContentPut::SharedPart(part(1, 10, 5)));
    if let Command::ObjectPut(put) = &mut copy {
        put.bucket = other.clone();
    }
    house.done(copy);
    house.done(Command::TenantErase(TenantErase { id: TENANT }));
    let cleared = house.done(clear(9));
    assert_eq!(cleared, Success::Cleared { versions: 1, next: None, bucket_gone: true });
    let row = house.view().part(PartId::from_u128(10)).expect("readable").expect("there");
    assert_eq!((row.references, row.released), (1, None), "the other's");
    assert_eq!(house.view().bucket_usage(other.id).expect("readable").objects.get(), 1);
}

#[test]
fn a_tenant_quota_counts_versions_and_unfinished_uploads() {
    let mut house = House::open(false);
    let quota = Quota { bytes: Some(ByteCount::new(100)), objects: None };
    house.done(Command::TenantQuotaSet(TenantQuotaSet { id: TENANT, quota }));
    house.upload("u", &[(1, 10, 60)]);
    let full = Refusal::QuotaExceeded { subject: QuotaSubject::Tenant };
    let large = house.put_part("a", 11, 41);
    house.refused(large, &full);
    let fits = house.put_part("a", 12, 40);
    house.done(fits);
    let smaller = house.put_part("a", 13, 39);
    house.done(smaller);
}

#[test]
fn a_quota_of_objects_counts_versions_and_unfinished_uploads() {
    let mut house = House::open(false);
    let quota = Quota { bytes: None, objects: Some(units::ObjectCount::new(2)) };
    house.done(Command::TenantQuotaSet(TenantQuotaSet { id: TENANT, quota }));
    house.upload("u", &[(1, 10, 60)]);
    let first = house.put("a", 0, ContentPut::Empty);
    house.done(first);
    let full = Refusal::QuotaExceeded { subject: QuotaSubject::Tenant };
    let another = house.put("b", 0, ContentPut::Empty);
    house.refused(another, &full);
    let replaced = house.put("a", 0, ContentPut::Empty);
    house.done(replaced);
}

#[test]
fn keys_go_with_their_user_and_their_ids_are_not_used_again() {
    let mut house = House::open(false);
    let name: UserName = text("camille");
    let user = UserCreate { id: UserId::from_u128(5), tenant: TENANT, name: name.clone() };
    house.done(Command::UserCreate(user.clone()));
    house.refused(Command::UserCreate(user), &Refusal::UserExists);
    let id: AccessKeyId = text("ESSAIM0123456789ABCD");
    let key = KeyCreate {
        id: id.clone(),
        tenant: TENANT,
        user: Some(name.clone()),
        sealed_secret: SealedBytes::new(vec![4]),
        scope: KeyScope::default(),
        expires: Some(house.now.after(Duration::from_secs(10))),
    };
    house.done(Command::KeyCreate(key.clone()));
    let stored = house.view().access_key(&id).expect("readable").expect("there");
    assert!(stored.is_valid_at(house.now));
    assert!(!stored.is_valid_at(house.now.after(Duration::from_secs(10))));
    let other = KeyRevoke { id: id.clone(), tenant: Some(TenantId::from_u128(8)) };
    house.refused(Command::KeyRevoke(other), &Refusal::NoSuchAccessKey);
    house.done(Command::UserDelete(UserDelete { tenant: TENANT, name }));
    let stored = house.view().access_key(&id).expect("readable").expect("there");
    assert!(!stored.is_valid_at(house.now));
    house.refused(Command::KeyCreate(KeyCreate { user: None, ..key }), &Refusal::AccessKeyExists);
    assert_eq!(house.view().access_keys(TENANT, None, 10).expect("readable rows").len(), 1);
}

#[test]
fn settings_come_and_go_with_their_bit() {
    let mut house = House::open(false);
    let set = |bytes: Option<&[u8]>| {
        Command::BucketSettingSet(BucketSettingSet {
            bucket: bucket(),
            kind: SettingKind::Policy,
            bytes: bytes.map(|bytes| SealedBytes::new(bytes.to_vec())),
        })
    };
    let read = |house: &House| {
        let row = house.view().bucket(&bucket().name).expect("readable").expect("there");
        let setting = house.view().setting(&row, SettingKind::Policy).expect("readable rows");
        (setting.map(|setting| setting.revision), row.settings_revision)
    };
    assert_eq!(read(&house), (None, 0));
    house.done(set(Some(b"{}")));
    assert_eq!(read(&house), (Some(1), 1));
    house.done(set(None));
    assert_eq!(read(&house), (None, 2));
}

#[test]
fn grants_to_others_and_enforced_ownership_exclude_each_other() {
    let mut house = House::open(false);
    let grant = Grant { grantee: Grantee::AllUsers, permission: Permission::Read };
    let acl = Acl { owner: TENANT, canned: None, grants: vec![grant] };
    let set = Command::BucketSettingSet(BucketSettingSet {
        bucket: bucket(),
        kind: SettingKind::Acl,
        bytes: Some(SealedBytes::new(acl.encode())),
    });
    house.refused(set.clone(), &Refusal::OwnershipForbidsAcl);
    let own =
        |ownership| Command::BucketOwnershipSet(BucketOwnershipSet { bucket: bucket(), ownership });
    house.done(own(Some(Ownership::ObjectWriter)));
    house.done(set);
    house.refused(own(Some(Ownership::BucketOwnerEnforced)), &Refusal::AclForbidsOwnership);
    house.done(own(None));
    let missing = ObjectAclSet {
        bucket: bucket(),
        key: text("a"),
        version: VersionAsk::Current,
        acl: Some(acl),
    };
    house.refused(Command::ObjectAclSet(missing), &Refusal::NoSuchKey { marker: None });
}

#[test]
fn a_key_is_rewrapped_only_from_what_it_was() {
    let mut house = House::open(false);
    let rewrap = |old: u8, new: u8| {
        Command::BucketKeyRewrap(BucketKeyRewrap {
            bucket: bucket(),
            old: SealedBytes::new(vec![old]),
            new: SealedBytes::new(vec![new]),
        })
    };
    house.done(rewrap(1, 2));
    house.refused(rewrap(1, 3), &Refusal::KeyChanged);
}

#[test]
fn the_feed_tells_everything_once_and_says_what_was_dropped() {
    let mut house = House::open(false);
    for key in ["a", "b", "c"] {
        let put = house.put(key, 0, ContentPut::Empty);
        house.done(put);
    }
    let page = house.view().feed(Sequence::ZERO, 100).expect("readable rows");
    let numbers: Vec<u64> = page.events.iter().map(|(sequence, _)| sequence.get()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(!page.lost);
    house.done(Command::FeedTrim { through: Sequence::new(3) });
    let late = house.view().feed(Sequence::new(2), 100).expect("readable rows");
    assert!(late.lost && late.events.len() == 2);
    let on_time = house.view().feed(Sequence::new(3), 100).expect("readable rows");
    assert!(!on_time.lost && on_time.events.len() == 2);
}
