//! The generator: commands that mean something in the state the model is in.

use core::time::Duration;

use catalog::command::{
    BucketClear, BucketCreate, BucketDelete, BucketLockSet, BucketQuotaSet, BucketRef,
    BucketVersioningSet, Cause, ContentPut, DeleteCondition, DeleteGuard, DeleteItem, DiskForget,
    ETagMatch, NewVersion, ObjectDelete, ObjectLegalHoldSet, ObjectPut, ObjectRetentionSet,
    ObjectTagsSet, ObjectsDelete, PartLayout, PartSlotMove, PutCondition, PutOrigin, TenantCreate,
    UploadAbort, UploadComplete, UploadCreate, UploadPartPut,
};
use catalog::{
    Command, DefaultRetention, DefaultRetentionPeriod, ETag, Encryption, ObjectHeaders, ObjectKey,
    ObjectLock, PartReference, Quota, Retention, RetentionMode, SealedBytes, Tag, TenantName,
    VersionAsk, VersionId, VersionName, Versioning,
};
use units::hash::Md5;
use units::{
    BucketId, ByteCount, DiskId, FragmentNumber, PartId, PartNumber, Random, ReferenceId,
    SimRandom, Timestamp, UploadId,
};

mod map;

use super::model::{Content, Model, Version};
use super::world::{TENANT, World, bucket};

const KEYS: [&str; 6] = ["a", "a/b", "a/b\0", "a/c", "b", "é"];
const BUCKETS: u64 = 3;

/// A seeded source of commands.
pub struct Generator {
    random: SimRandom,
    uploads: Vec<(BucketRef, ObjectKey, UploadId)>,
    /// The disk that is to be forgotten; those after it are in use.
    leaving: u64,
    /// Whether there comes to be a site map.
    has_map: bool,
    invites: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self {
            random: SimRandom::seeded(seed),
            uploads: Vec::new(),
            leaving: 10,
            has_map: !seed.is_multiple_of(4),
            invites: 0,
        }
    }

    fn bits(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn below(&self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'t, T>(&self, from: &'t [T]) -> Option<&'t T> {
        from.get(usize::try_from(self.below(from.len() as u64)).unwrap_or(0))
    }

    pub fn opening() -> Vec<Command> {
        let tenant = TenantCreate {
            id: TENANT,
            name: TenantName::new("mairie").expect("a valid name"),
            quota: Quota::default(),
            wrapped_key: SealedBytes::new(vec![1; 8]),
        };
        let create = |number| create(number, bucket(number).id, number == 2);
        let buckets = (0..u128::from(BUCKETS)).map(create);
        core::iter::once(Command::TenantCreate(tenant)).chain(buckets).collect()
    }

    pub fn entry_length(&self) -> u64 {
        1 + self.below(4)
    }

    pub fn let_time_pass(&self, world: &mut World) {
        world.now = world.now.after(Duration::from_millis(self.below(3_000)));
        if self.one_in(50) {
            world.now = world.now.after(Duration::from_hours(30));
        }
    }

    fn bucket_number(&self) -> u128 {
        u128::from(self.below(BUCKETS))
    }

    fn key(&self) -> ObjectKey {
        let key = self.pick(&KEYS).copied().unwrap_or("a");
        ObjectKey::new(key).expect("a valid key")
    }

    fn etag(&self) -> ETag {
        ETag::Md5(Md5([u8::try_from(self.below(4)).unwrap_or(0); 16]))
    }

    fn versions<'m>(model: &'m Model, in_bucket: &BucketRef) -> Vec<(&'m str, &'m Version)> {
        let bucket = model.buckets.get(in_bucket.name.as_str());
        let keys = bucket.into_iter().flat_map(|bucket| &bucket.keys);
        keys.flat_map(|(key, versions)| versions.iter().map(move |v| (key.as_str(), v))).collect()
    }

    /// A key and a version of it: mostly one that is there.
    fn target(&self, model: &Model, of: &BucketRef) -> (ObjectKey, VersionAsk) {
        let there = Self::versions(model, of);
        let ask = match self.below(8) {
            0 => VersionAsk::Named(VersionName::Null),
            1 => VersionAsk::Named(VersionName::Id(VersionId::new(self.below(50), self.bits()))),
            2 | 3 => VersionAsk::Current,
            _ => {
                if let Some((key, version)) = self.pick(&there) {
                    let key = ObjectKey::new(*key).expect("a stored key");
                    return (key, VersionAsk::Named(version.name()));
                }
                VersionAsk::Current
            }
        };
        (self.key(), ask)
    }

    pub fn command(&mut self, model: &Model, world: &World) -> Command {
        if self.has_map && self.one_in(4) {
            return self.about_map(model, world.now);
        }
        let command = self.about_objects(model, world);
        if self.one_in(3) { self.placed(model, command) } else { command }
    }

    fn about_objects(&mut self, model: &Model, world: &World) -> Command {
        let of = model.reference(self.bucket_number());
        match self.below(50) {
            40..=49 => self.about_disks(model),
            0..=11 => self.put(&of, world.now),
            12..=14 => self.copy(model, &of, world),
            15..=20 => {
                let item = self.delete_item(model, &of, world.now);
                Command::ObjectDelete(ObjectDelete {
                    bucket: of,
                    item,
                    bypass_governance: self.one_in(3),
                    cause: Cause::Client,
                })
            }
            21 => {
                let count = 1 + self.below(4);
                let items = (0..count).map(|_| self.delete_item(model, &of, world.now)).collect();
                Command::ObjectsDelete(ObjectsDelete {
                    bucket: of,
                    items,
                    bypass_governance: self.one_in(3),
                    cause: Cause::Client,
                })
            }
            22 => {
                let versioning =
                    if self.one_in(3) { Versioning::Suspended } else { Versioning::Enabled };
                Command::BucketVersioningSet(BucketVersioningSet { bucket: of, versioning })
            }
            23 => self.tags(model, of),
            24 | 25 => self.lock(model, of, world.now),
            26..=28 => self.upload_create(of),
            29..=32 => self.part_put(world.now),
            33..=35 => self.complete(model),
            36 => match self.some_upload() {
                Some((bucket, key, upload)) => {
                    Command::UploadAbort(UploadAbort { bucket, key, upload })
                }
                None => Command::Nothing,
            },
            37 => Command::ReleaseAdvance { rows: u32::try_from(self.below(6)).unwrap_or(0) },
            38 => {
                let released = world.view().releases(None, 60).expect("readable rows");
                let part = |(_, entry): &(u64, catalog::ReleaseEntry)| match entry.kind {
                    catalog::ReleaseKind::Part(part) => Some(part),
                    _ => None,
                };
                Command::PartForget { parts: released.iter().filter_map(part).collect() }
            }
            _ => self.rarely(of),
        }
    }

    /// Parts move off the disk that is leaving, some onto it, and it is forgotten step by step.
    fn about_disks(&mut self, model: &Model) -> Command {
        if self.one_in(12) {
            self.leaving += 1;
        }
        if self.one_in(2) {
            let disk =
                if self.one_in(8) { self.disk() } else { DiskId::from_u128(self.leaving.into()) };
            let rows = u32::try_from(self.below(30)).unwrap_or(0);
            return Command::DiskForget(DiskForget { disk, rows });
        }
        let leaving = DiskId::from_u128(self.leaving.into());
        let movable: Vec<_> = model.alone().collect();
        let on_it: Vec<_> =
            movable.iter().filter(|(_, slots)| slots.contains(&leaving)).copied().collect();
        let from = if on_it.is_empty() || self.one_in(6) { &movable } else { &on_it };
        let Some((part, slots)) = self.pick(from) else { return Command::Nothing };
        let at = slots.iter().position(|disk| *disk == leaving).unwrap_or(0);
        let from = slots.get(at).copied().unwrap_or(leaving);
        let slot = FragmentNumber::new(u8::try_from(at).unwrap_or(0));
        Command::PartSlotMove(PartSlotMove { part: *part, slot, from, to: self.disk() })
    }

    /// Mostly one in use.
    fn disk(&self) -> DiskId {
        if self.has_map && self.one_in(30) {
            return self.quiet_disk();
        }
        let number = if self.one_in(12) { self.leaving } else { self.leaving + 1 + self.below(4) };
        DiskId::from_u128(number.into())
    }

    fn rarely(&self, of: BucketRef) -> Command {
        match self.below(9) {
            8 => self.clear(of),
            0..=2 => {
                let bytes = self.one_in(2).then(|| ByteCount::new(self.below(30_000_000)));
                let quota = Quota { bytes, objects: None };
                Command::BucketQuotaSet(BucketQuotaSet { bucket: of, quota })
            }
            3 => {
                let number = self.bucket_number();
                let mut id = [0_u8; 16];
                self.random.fill(&mut id);
                create(number, BucketId::from_bytes(id), self.one_in(3))
            }
            _ => Command::BucketDelete(BucketDelete { bucket: of }),
        }
    }

    /// Takes a bucket apart, also from somewhere in its midst.
    fn clear(&self, bucket: BucketRef) -> Command {
        let from = self.one_in(3).then(|| self.key());
        let versions = u32::try_from(1 + self.below(6)).unwrap_or(1);
        Command::BucketClear(BucketClear { bucket, from, versions })
    }

    /// What is said once the tenant is erased.
    pub fn ending(&self, model: &Model) -> Command {
        self.clear(model.reference(self.bucket_number()))
    }

    fn condition(&self) -> PutCondition {
        let wanted = |on: bool| {
            let any = self.one_in(2);
            on.then(|| if any { ETagMatch::Any } else { ETagMatch::OneOf(vec![self.etag()]) })
        };
        PutCondition { if_match: wanted(self.one_in(8)), if_none_match: wanted(self.one_in(8)) }
    }

    fn retention(&self, now: Timestamp) -> Retention {
        let mode =
            if self.one_in(3) { RetentionMode::Compliance } else { RetentionMode::Governance };
        Retention { mode, until: now.after(Duration::from_secs(self.below(200_000))) }
    }

    fn put(&self, of: &BucketRef, now: Timestamp) -> Command {
        let mut version =
            NewVersion::empty(self.bits(), ReferenceId::draw(&self.random), self.etag());
        (version.content, version.size) = match self.below(3) {
            0 => (ContentPut::Empty, ByteCount::ZERO),
            1 => {
                let content = ContentPut::Inline {
                    part: PartId::draw(&self.random),
                    wrapped_key: SealedBytes::new(vec![2; 4]),
                    sealed: SealedBytes::new(vec![3; 5]),
                };
                (content, ByteCount::new(1 + self.below(100)))
            }
            _ => {
                let reference = self.part(1, now, 20_000 + self.below(100_000));
                let size = reference.size;
                let (one, other) = (self.disk(), self.disk());
                let mut layout = layout();
                if one != other {
                    layout.slots = vec![one, other];
                }
                (ContentPut::NewPart { reference, layout }, size)
            }
        };
        version.tags = self.some_tags();
        if self.one_in(10) {
            version.retention = Some(self.retention(now));
        }
        version.legal_hold = self.one_in(20).then(|| self.one_in(2));
        Command::ObjectPut(Box::new(ObjectPut {
            bucket: of.clone(),
            key: self.key(),
            version,
            condition: self.condition(),
            origin: PutOrigin::Body,
        }))
    }

    /// A copy of some version, also onto itself and across buckets.
    fn copy(&self, model: &Model, to: &BucketRef, world: &World) -> Command {
        let from = model.reference(self.bucket_number());
        let there = Self::versions(model, &from);
        let Some((_, source)) = self.pick(&there).filter(|(_, version)| !version.is_marker) else {
            return Command::Nothing;
        };
        let mut version =
            NewVersion::empty(self.bits(), ReferenceId::draw(&self.random), source.etag.clone());
        version.size = ByteCount::new(source.size);
        let reference = |number: u16, part, size| PartReference {
            part,
            size: ByteCount::new(size),
            ..self.part(number, world.now, 0)
        };
        version.content = match &source.content {
            Content::Nothing => ContentPut::Empty,
            Content::Inline => ContentPut::Inline {
                part: PartId::draw(&self.random),
                wrapped_key: SealedBytes::new(vec![4; 4]),
                sealed: SealedBytes::new(vec![3; 5]),
            },
            Content::One(part) => ContentPut::SharedPart(reference(1, *part, source.size)),
            Content::Many(parts) => {
                let each = parts.iter();
                ContentPut::SharedParts(each.map(|(n, p, s)| reference(*n, *p, *s)).collect())
            }
        };
        Command::ObjectPut(Box::new(ObjectPut {
            bucket: to.clone(),
            key: self.key(),
            version,
            condition: self.condition(),
            origin: PutOrigin::Copy,
        }))
    }

    fn delete_item(&self, model: &Model, of: &BucketRef, now: Timestamp) -> DeleteItem {
        let (key, version) = self.target(model, of);
        let mut condition = DeleteCondition::default();
        if self.one_in(10) {
            condition.if_match = Some(ETagMatch::OneOf(vec![self.etag()]));
        }
        if self.one_in(20) {
            condition.size = Some(ByteCount::ZERO);
        }
        if self.one_in(20) {
            condition.modified = Some(now);
        }
        DeleteItem {
            key,
            version,
            condition,
            guard: DeleteGuard::None,
            marker_random: self.bits(),
            marker_reference: ReferenceId::draw(&self.random),
        }
    }

    fn some_tags(&self) -> Vec<Tag> {
        let tag = |n| Tag { key: format!("key{n}"), value: self.below(9).to_string() };
        (0..self.below(3)).map(tag).collect()
    }

    fn tags(&self, model: &Model, of: BucketRef) -> Command {
        let (key, version) = self.target(model, &of);
        Command::ObjectTagsSet(ObjectTagsSet { bucket: of, key, version, tags: self.some_tags() })
    }

    fn lock(&self, model: &Model, of: BucketRef, now: Timestamp) -> Command {
        let (key, version) = self.target(model, &of);
        match self.below(5) {
            0 => {
                let period = DefaultRetentionPeriod::Days(1);
                let mode = self.retention(now).mode;
                let default_retention = self.one_in(2).then_some(DefaultRetention { mode, period });
                let lock = ObjectLock { default_retention };
                Command::BucketLockSet(BucketLockSet { bucket: of, lock })
            }
            1 | 2 => {
                let retention = (!self.one_in(4)).then(|| self.retention(now));
                let bypass_governance = self.one_in(2);
                Command::ObjectRetentionSet(ObjectRetentionSet {
                    bucket: of,
                    key,
                    version,
                    retention,
                    bypass_governance,
                })
            }
            _ => {
                let legal_hold = self.one_in(4);
                Command::ObjectLegalHoldSet(ObjectLegalHoldSet {
                    bucket: of,
                    key,
                    version,
                    legal_hold,
                })
            }
        }
    }

    fn part(&self, number: u16, now: Timestamp, size: u64) -> PartReference {
        PartReference {
            part: PartId::draw(&self.random),
            number: PartNumber::new(number),
            size: ByteCount::new(size),
            md5: Md5([u8::try_from(number % 251).unwrap_or(0); 16]),
            checksum: None,
            modified: now,
            wrapped_key: SealedBytes::new(vec![9; 4]),
        }
    }

    fn upload_create(&mut self, bucket: BucketRef) -> Command {
        let key = self.key();
        let upload = UploadId::draw(&self.random);
        self.uploads.push((bucket.clone(), key.clone(), upload));
        Command::UploadCreate(Box::new(UploadCreate {
            bucket,
            key,
            upload,
            initiator: None,
            owner: None,
            storage_class: None,
            checksum: None,
            headers: ObjectHeaders::default(),
            metadata: Vec::new(),
            tags: self.some_tags(),
            retention: None,
            legal_hold: None,
            encryption: Encryption::Unasked,
            acl: None,
            website_redirect: None,
        }))
    }

    /// One of the newest uploads, finished or not.
    fn some_upload(&self) -> Option<(BucketRef, ObjectKey, UploadId)> {
        let newest = self.uploads.len().saturating_sub(6);
        self.pick(self.uploads.get(newest..)?).cloned()
    }

    fn part_put(&self, now: Timestamp) -> Command {
        let Some((bucket, key, upload)) = self.some_upload() else { return Command::Nothing };
        let number = 1 + u16::try_from(self.below(4)).unwrap_or(0);
        let size = if self.one_in(4) { 100 } else { catalog::limits::PART_BYTES_MIN };
        let reference = self.part(number, now, size);
        let layout = Some(layout());
        Command::UploadPartPut(UploadPartPut { bucket, key, upload, reference, layout })
    }

    fn complete(&self, model: &Model) -> Command {
        let Some((bucket, key, upload)) = self.some_upload() else { return Command::Nothing };
        let name = (key.to_string(), upload);
        let there = model.buckets.get(bucket.name.as_str()).and_then(|b| b.uploads.get(&name));
        let mut parts: Vec<_> = there
            .into_iter()
            .flat_map(|upload| &upload.parts)
            .map(|(number, (part, _))| (PartNumber::new(*number), *part))
            .collect();
        if self.one_in(3) && parts.len() > 1 {
            parts.remove(0);
        }
        if self.one_in(10) {
            parts.push((PartNumber::new(9_999), PartId::draw(&self.random)));
        }
        let digest = Md5([u8::try_from(self.below(4)).unwrap_or(0); 16]);
        let count = u16::try_from(parts.len()).unwrap_or(0);
        Command::UploadComplete(Box::new(UploadComplete {
            bucket,
            key,
            upload,
            parts,
            etag: ETag::Multipart { digest, parts: count },
            checksum: None,
            size: None,
            random: self.bits(),
            condition: self.condition(),
        }))
    }
}

fn create(number: u128, id: BucketId, object_lock: bool) -> Command {
    let BucketRef { name, .. } = bucket(number);
    Command::BucketCreate(BucketCreate {
        id,
        name,
        tenant: TENANT,
        wrapped_key: SealedBytes::new(vec![1; 8]),
        object_lock,
        ownership: None,
        acl: None,
    })
}

pub fn layout() -> PartLayout {
    PartLayout {
        stripe_bytes: 4 << 20,
        stripe_count: 1,
        codec: 1,
        data: 1,
        parity: 1,
        slots: vec![DiskId::from_u128(1), DiskId::from_u128(2)],
    }
}
