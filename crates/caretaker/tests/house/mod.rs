//! A catalog in memory with one bucket, for plans to be carried out on.

use core::time::Duration;
use std::sync::Arc;

use caretaker::{Days, ErasedSweep, LifecycleSweep};
use catalog::command::{
    BucketCreate, BucketRef, BucketSettingSet, BucketVersioningSet, Cause, ContentPut,
    DeleteCondition, DeleteGuard, DeleteItem, NewVersion, ObjectDelete, ObjectPut, PartLayout,
    PutCondition, PutOrigin, TenantCreate, UploadCreate,
};
use catalog::record::Record;
use catalog::{
    AfterVersion, BucketName, Command, ETag, Encryption, LifecycleExpiration, LifecycleFilter,
    LifecycleRule, LifecycleRules, ListAsk, MemoryRows, ObjectHeaders, ObjectKey, Outcome,
    PartReference, Quota, SealedBytes, SettingKind, Stamped, Tag, TenantName, VersionAsk,
    Versioning, View, apply,
};
use units::hash::Md5;
use units::{
    BucketId, ByteCount, DiskId, PartId, PartNumber, ReferenceId, SimRandom, TenantId, Timestamp,
    UploadId,
};

pub const TENANT: TenantId = TenantId::from_u128(1);
const DAY: Duration = Duration::from_secs(10);
const DAYS: Days = Days::Shortened(DAY);

pub const BUCKET: BucketId = BucketId::from_u128(2);

pub struct House {
    rows: Arc<MemoryRows>,
    pub now: Timestamp,
    drawn: u64,
    random: SimRandom,
}

impl House {
    pub fn new(versioning: Versioning, object_lock: bool) -> Self {
        let mut house = Self {
            rows: Arc::default(),
            now: Timestamp::from_seconds(1_000_000),
            drawn: 0,
            random: SimRandom::seeded(3),
        };
        house.done(Command::TenantCreate(TenantCreate {
            id: TENANT,
            name: TenantName::new("mairie").expect("a valid name"),
            quota: Quota::default(),
            wrapped_key: SealedBytes::default(),
        }));
        let BucketRef { name, id } = bucket();
        house.done(Command::BucketCreate(BucketCreate {
            id,
            name,
            tenant: TENANT,
            wrapped_key: SealedBytes::default(),
            object_lock,
            ownership: None,
            acl: None,
        }));
        if versioning != Versioning::Off {
            let set = BucketVersioningSet { bucket: bucket(), versioning };
            house.done(Command::BucketVersioningSet(set));
        }
        house
    }

    fn say(&mut self, command: Command) -> Outcome {
        let stamped = Stamped { at: self.now, command };
        let applied = apply(&*self.rows, &[stamped]).expect("rows in memory can be read");
        Arc::make_mut(&mut self.rows).commit(applied.batch);
        applied.outcomes.into_iter().next().expect("one outcome per command")
    }

    pub fn done(&mut self, command: Command) {
        let told = format!("{command:?}");
        if let Err(refusal) = self.say(command) {
            panic!("{told}: {refusal}");
        }
    }

    pub fn view(&self) -> View {
        View::new(self.rows.clone())
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    pub fn put(&mut self, key: &str, size: u64, tags: &[(&str, &str)]) {
        let number = u128::from(self.draw());
        let etag = ETag::Md5(Md5([1; 16]));
        let mut version = NewVersion::empty(self.drawn, ReferenceId::from_u128(number), etag);
        version.size = ByteCount::new(size);
        let tag = |(key, value): &(&str, &str)| Tag {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        version.tags = tags.iter().map(tag).collect();
        let reference = PartReference {
            part: PartId::from_u128(number),
            number: PartNumber::new(1),
            size: ByteCount::new(size),
            md5: Md5([1; 16]),
            checksum: None,
            modified: self.now,
            wrapped_key: SealedBytes::default(),
        };
        let layout = PartLayout {
            stripe_bytes: 1 << 20,
            stripe_count: 1,
            codec: 1,
            data: 1,
            parity: 1,
            slots: vec![DiskId::from_u128(1), DiskId::from_u128(2)],
        };
        version.content = ContentPut::NewPart { reference, layout };
        self.done(Command::ObjectPut(Box::new(ObjectPut {
            bucket: bucket(),
            key: ObjectKey::new(key).expect("a valid key"),
            version,
            condition: PutCondition::default(),
            origin: PutOrigin::Body,
        })));
    }

    pub fn delete(&mut self, key: &str) {
        let item = DeleteItem {
            key: ObjectKey::new(key).expect("a valid key"),
            version: VersionAsk::Current,
            condition: DeleteCondition::default(),
            guard: DeleteGuard::None,
            marker_random: self.draw(),
            marker_reference: ReferenceId::from_u128(u128::from(self.drawn)),
        };
        self.done(Command::ObjectDelete(ObjectDelete {
            bucket: bucket(),
            item,
            bypass_governance: false,
            cause: Cause::Client,
        }));
    }

    pub fn upload(&mut self, key: &str) {
        let upload = UploadId::from_u128(u128::from(self.draw()));
        self.done(Command::UploadCreate(Box::new(UploadCreate {
            bucket: bucket(),
            key: ObjectKey::new(key).expect("a valid key"),
            upload,
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
    }

    pub fn rule(&mut self, prefix: &str, change: impl FnOnce(&mut LifecycleRule)) {
        let filter =
            LifecycleFilter { prefix: Some(prefix.to_owned()), ..LifecycleFilter::default() };
        let mut rule = LifecycleRule {
            id: "rule".to_owned(),
            enabled: true,
            filter,
            expiration: None,
            noncurrent: None,
            abort_uploads_days: None,
        };
        change(&mut rule);
        let bytes = LifecycleRules { rules: vec![rule] }.encode();
        self.done(Command::BucketSettingSet(BucketSettingSet {
            bucket: bucket(),
            kind: SettingKind::Lifecycle,
            bytes: Some(SealedBytes::new(bytes)),
        }));
    }

    pub fn pass(&mut self, days: u32) {
        self.now = self.now.after(DAY * days);
    }

    /// Sweeps to the end, carrying everything out.
    pub fn sweep(&mut self) {
        let mut sweep = LifecycleSweep::default();
        for _ in 0..1_000 {
            let step =
                sweep.step(&self.view(), self.now, DAYS, &self.random).expect("readable rows");
            for command in step.commands {
                self.done(command);
            }
            if step.finished {
                return;
            }
        }
        panic!("the sweep does not end");
    }

    /// Looks for what erased tenants left, to the end, and carries everything out; says
    /// how many commands that took. `shredded`: whether the tenant's key is destroyed.
    pub fn sweep_erased(&mut self, shredded: bool) -> usize {
        let mut sweep = ErasedSweep::default();
        for said in 0..1_000 {
            let step = sweep.step(&self.view(), |_| shredded).expect("readable rows");
            if step.finished {
                return said;
            }
            if let Some(command) = step.command {
                let outcome = self.say(command);
                sweep.told(outcome.as_ref());
            }
        }
        panic!("the sweep does not end");
    }

    /// Versions as text: key, `m` for a marker, `*` for the current one.
    pub fn versions(&self) -> Vec<String> {
        let ask = ListAsk { limit: 1_000, ..ListAsk::default() };
        let page = self.view().list_versions(BUCKET, &ask, &AfterVersion::Start);
        let entries = page.expect("readable rows").entries;
        let text = |entry: &catalog::ListedVersion| {
            let marker = if entry.head.is_delete_marker() { " m" } else { "" };
            let latest = if entry.is_latest { "*" } else { "" };
            format!("{}{marker}{latest}", entry.key)
        };
        entries.iter().map(text).collect()
    }
}

pub fn bucket() -> BucketRef {
    BucketRef { name: BucketName::new("archives").expect("a valid name"), id: BUCKET }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a rule's field takes")]
pub fn days(count: u32) -> Option<LifecycleExpiration> {
    Some(LifecycleExpiration::Days(count))
}
