//! The model: what S3 says about versions, in the plainest form.
//!
//! A bucket is a map from key to a list of versions, newest first. Nothing is
//! incremental: sizes are summed and conditions looked up afresh every time.

use std::collections::{BTreeMap, BTreeSet};

use catalog::command::{
    BucketClear, BucketRef, ContentPut, DeleteItem, DiskForget, ETagMatch, ObjectPut, PartSlotMove,
    PolicyTarget, PutCondition, UploadComplete, UploadPartPut,
};
use catalog::{
    Command, DeleteDone, ETag, ObjectLock, Outcome, PolicyScope, Refusal, Retention, RetentionMode,
    Success, Tag, VersionAsk, VersionId, VersionName, Versioning,
};
use units::{BucketId, DiskId, PartId, Timestamp, UploadId};

use super::map_model::MapModel;

/// What a command is expected to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Done,
    Put {
        version: Option<VersionName>,
        size: u64,
    },
    Deleted(DeleteDone),
    Many(Vec<Said>),
    Refused(&'static str),
    /// For one of these reasons: which is looked at first is not said.
    RefusedAny(Vec<&'static str>),
    Mapped {
        epoch: u64,
    },
    SiteRemove {
        finished: bool,
    },
    DiskForget {
        finished: bool,
    },
    Cleared {
        versions: u32,
        next: Option<String>,
        bucket_gone: bool,
    },
    Anything,
}

impl Said {
    pub fn fits(&self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Anything, Ok(_)) => true,
            (Self::Done, Ok(success)) => matches!(
                success,
                Success::Done
                    | Success::BucketCreated { .. }
                    | Success::VersionChanged { .. }
                    | Success::UploadPart(_)
            ),
            (Self::Put { version, size }, Ok(Success::Put(done))) => {
                done.version == *version && done.size.get() == *size
            }
            (Self::Deleted(expected), Ok(Success::Deleted(done))) => expected == done,
            (Self::Many(expected), Ok(Success::DeletedMany(outcomes))) => {
                let one =
                    |outcome: &Result<DeleteDone, Refusal>| outcome.clone().map(Success::Deleted);
                expected.len() == outcomes.len()
                    && expected.iter().zip(outcomes).all(|(said, got)| said.fits(&one(got)))
            }
            (
                Self::Cleared { versions, next, bucket_gone },
                Ok(Success::Cleared { versions: taken, next: to, bucket_gone: gone }),
            ) => {
                versions == taken
                    && next.as_deref() == to.as_ref().map(catalog::ObjectKey::as_str)
                    && bucket_gone == gone
            }
            (Self::Refused(name), Err(refusal)) => format!("{refusal:?}").starts_with(name),
            (Self::RefusedAny(names), Err(refusal)) => {
                names.iter().any(|name| format!("{refusal:?}").starts_with(name))
            }
            (Self::Mapped { epoch }, Ok(Success::Mapped { epoch: got })) => *epoch == got.get(),
            (Self::SiteRemove { finished }, Ok(Success::SiteRemove { finished: got })) => {
                finished == got
            }
            (Self::DiskForget { finished }, Ok(Success::DiskForget { finished: got })) => {
                finished == got
            }
            _ => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub id: VersionId,
    pub is_null: bool,
    pub is_marker: bool,
    pub modified: Timestamp,
    pub size: u64,
    pub etag: ETag,
    pub tags: Vec<Tag>,
    pub retention: Option<Retention>,
    pub legal_hold: Option<bool>,
    pub content: Content,
    pub upload: Option<UploadId>,
}

impl Version {
    pub fn name(&self) -> VersionName {
        if self.is_null { VersionName::Null } else { VersionName::Id(self.id) }
    }

    fn locked(&self, now: Timestamp, bypass: bool) -> bool {
        let retained = self.retention.is_some_and(|retention| {
            now < retention.until && !(retention.mode == RetentionMode::Governance && bypass)
        });
        self.legal_hold == Some(true) || retained
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Nothing,
    Inline,
    One(PartId),
    Many(Vec<(u16, PartId, u64)>),
}

#[derive(Clone, Debug, Default)]
pub struct Upload {
    pub parts: BTreeMap<u16, (PartId, u64)>,
    pub tags: Vec<Tag>,
}

#[derive(Clone, Debug, Default)]
pub struct Bucket {
    pub id: Option<BucketId>,
    pub versioning: Versioning,
    pub lock: Option<ObjectLock>,
    pub quota: Option<u64>,
    pub keys: BTreeMap<String, Vec<Version>>,
    pub uploads: BTreeMap<(String, UploadId), Upload>,
}

impl Bucket {
    pub fn bytes(&self) -> u64 {
        let versions: u64 = self.keys.values().flatten().map(|version| version.size).sum();
        let parts = self.uploads.values().flat_map(|upload| upload.parts.values());
        versions + parts.map(|(_, size)| size).sum::<u64>()
    }

    fn over(&self, before: u64) -> bool {
        let after = self.bytes();
        self.quota.is_some_and(|most| after > most) && after > before
    }

    /// Puts a version in front, replacing the null version where that is due.
    fn push(&mut self, key: &str, version: Version) {
        let versions = self.keys.entry(key.to_owned()).or_default();
        if version.is_null {
            versions.retain(|old| !old.is_null);
        }
        versions.insert(0, version);
    }

    fn locked_null(&self, key: &str, now: Timestamp) -> bool {
        self.versioning != Versioning::Enabled
            && self
                .keys
                .get(key)
                .into_iter()
                .flatten()
                .any(|version| version.is_null && version.locked(now, false))
    }

    pub fn find(&self, key: &str, ask: VersionAsk) -> Option<(usize, &Version)> {
        let versions = self.keys.get(key)?;
        versions.iter().enumerate().find(|(position, version)| match ask {
            VersionAsk::Current => *position == 0,
            VersionAsk::Named(name) => version.name() == name,
            VersionAsk::Exact(id) => version.id == id,
        })
    }
}

/// All buckets, and the one counter whose values show.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub buckets: BTreeMap<BucketName, Bucket>,
    ordinal: u64,
    erased: bool,
    /// Where the parts lie that have a row.
    pub slots: BTreeMap<PartId, Vec<DiskId>>,
    pub map: MapModel,
    pub forgotten: BTreeSet<DiskId>,
    /// The disk that is searched for, and the last part that was looked at.
    search: Option<(DiskId, PartId)>,
}

type BucketName = String;

impl Model {
    pub fn apply(&mut self, now: Timestamp, command: &Command) -> Said {
        if let Command::Placed(placed) = command {
            if placed.epoch.get() != self.map.epoch {
                return Said::Refused("MapChanged");
            }
            return self.apply(now, &placed.command.clone().into());
        }
        let slots = match command {
            Command::ObjectPut(ask) => match &ask.version.content {
                ContentPut::NewPart { reference, layout } => Some((reference.part, &layout.slots)),
                _ => None,
            },
            Command::UploadPartPut(ask) => {
                ask.layout.as_ref().map(|layout| (ask.reference.part, &layout.slots))
            }
            _ => None,
        };
        let Some((part, slots)) = slots else { return self.carry_out(now, command) };
        let before = self.clone();
        let said = self.carry_out(now, command);
        let is_refused = matches!(said, Said::Refused(_));
        let is_forgotten = slots.iter().any(|disk| self.forgotten.contains(disk));
        let unfit = is_forgotten.then_some("DiskForgotten");
        if let Some(unfit) = unfit.or_else(|| self.map.unfit(slots, false)) {
            *self = before;
            return match said {
                Said::Refused(why) => Said::RefusedAny(vec![why, unfit]),
                _ => Said::Refused(unfit),
            };
        }
        if !is_refused {
            self.lies_on(part, slots.clone());
        }
        said
    }

    fn lies_on(&mut self, part: PartId, slots: Vec<DiskId>) {
        self.search = self.search.filter(|(disk, _)| !slots.contains(disk));
        self.map.come(&slots);
        self.slots.insert(part, slots);
    }

    /// Parts that are the whole of some version, and where they lie. They are in no
    /// manifest, so it is known when nobody refers to them.
    pub fn alone(&self) -> impl Iterator<Item = (PartId, &[DiskId])> {
        let versions = self.buckets.values().flat_map(|bucket| bucket.keys.values().flatten());
        versions.filter_map(|version| match version.content {
            Content::One(part) => Some((part, self.slots.get(&part)?.as_slice())),
            _ => None,
        })
    }

    fn slot_move(&mut self, ask: &PartSlotMove) -> Said {
        let found = self.alone().find(|(part, _)| *part == ask.part);
        let Some((_, slots)) = found else { return Said::Refused("PartGone") };
        let mut slots = slots.to_vec();
        let slot = usize::from(ask.slot.get());
        let is_taken = ask.to != ask.from && slots.contains(&ask.to);
        if slots.get(slot) != Some(&ask.from) || is_taken {
            return Said::Refused("SlotMoved");
        }
        if self.forgotten.contains(&ask.to) {
            return Said::Refused("DiskForgotten");
        }
        if let Some(unfit) = self.map.unfit(&[ask.to], ask.to != ask.from) {
            return Said::Refused(unfit);
        }
        slots[slot] = ask.to;
        // A search minds only what comes to its disk.
        self.search = self.search.filter(|(disk, _)| *disk != ask.to);
        self.map.come(&[ask.to]);
        self.slots.insert(ask.part, slots);
        Said::Done
    }

    fn disk_forget(&mut self, ask: &DiskForget) -> Said {
        if self.forgotten.contains(&ask.disk) {
            return Said::DiskForget { finished: true };
        }
        let through = self.search.filter(|(disk, _)| *disk == ask.disk).map(|(_, part)| part);
        let most = ask.rows.max(1) as usize;
        let ahead = self.slots.iter().filter(|(part, _)| through.is_none_or(|at| **part > at));
        let seen: Vec<_> = ahead.take(most).collect();
        if seen.iter().any(|(_, slots)| slots.contains(&ask.disk)) {
            return Said::Refused("DiskInUse");
        }
        let last = seen.last().map(|(part, _)| **part);
        let finished = seen.len() < most;
        self.search = last.filter(|_| !finished).map(|part| (ask.disk, part));
        if finished {
            self.forgotten.insert(ask.disk);
            self.map.forget(ask.disk);
        }
        Said::DiskForget { finished }
    }

    fn carry_out(&mut self, now: Timestamp, command: &Command) -> Said {
        if let Some(said) = self.map.apply(now, command, &self.slots, &self.forgotten) {
            return said;
        }
        match command {
            Command::PolicySet(ask) => match &ask.target {
                PolicyTarget::Bucket(bucket) if self.bucket(bucket).is_none() => no_bucket(),
                PolicyTarget::Tenant(id) if *id != super::world::TENANT => {
                    Said::Refused("NoSuchTenant")
                }
                _ => self.map.policy(ask),
            },
            Command::PartSlotMove(ask) => self.slot_move(ask),
            Command::DiskForget(ask) => self.disk_forget(ask),
            Command::PartForget { parts } => {
                self.slots.retain(|part, _| !parts.contains(part));
                Said::Anything
            }
            Command::BucketCreate(ask) => {
                if self.buckets.contains_key(ask.name.as_str()) {
                    return Said::Refused("BucketExists");
                }
                let bucket = Bucket {
                    id: Some(ask.id),
                    versioning: if ask.object_lock { Versioning::Enabled } else { Versioning::Off },
                    lock: ask.object_lock.then(ObjectLock::default),
                    ..Bucket::default()
                };
                self.buckets.insert(ask.name.to_string(), bucket);
                Said::Done
            }
            Command::BucketDelete(ask) => {
                let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
                if bucket.keys.values().any(|versions| !versions.is_empty()) {
                    return Said::Refused("BucketNotEmpty");
                }
                self.buckets.remove(ask.bucket.name.as_str());
                self.map.policy_drop(PolicyScope::Bucket(ask.bucket.id));
                Said::Done
            }
            Command::TenantShredded(_) => {
                self.erased = true;
                Said::Done
            }
            Command::BucketClear(ask) => self.clear(ask),
            Command::BucketVersioningSet(ask) => {
                let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
                if ask.versioning == Versioning::Suspended && bucket.lock.is_some() {
                    return Said::Refused("InvalidBucketState");
                }
                bucket.versioning = ask.versioning;
                Said::Done
            }
            Command::BucketLockSet(ask) => {
                let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
                if bucket.versioning != Versioning::Enabled {
                    return Said::Refused("InvalidBucketState");
                }
                bucket.lock = Some(ask.lock);
                Said::Done
            }
            Command::BucketQuotaSet(ask) => {
                let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
                bucket.quota = ask.quota.bytes.map(units::ByteCount::get);
                Said::Done
            }
            Command::ObjectPut(ask) => self.put(now, ask),
            Command::ObjectDelete(ask) => {
                self.delete(now, &ask.bucket, &ask.item, ask.bypass_governance)
            }
            Command::ObjectsDelete(ask) => {
                if self.bucket(&ask.bucket).is_none() {
                    return no_bucket();
                }
                let each = ask.items.iter();
                Said::Many(
                    each.map(|item| self.delete(now, &ask.bucket, item, ask.bypass_governance))
                        .collect(),
                )
            }
            Command::ObjectTagsSet(ask) => {
                self.change(&ask.bucket, ask.key.as_str(), ask.version, |_, version| {
                    version.tags.clone_from(&ask.tags);
                    Said::Done
                })
            }
            Command::ObjectLegalHoldSet(ask) => {
                self.change(&ask.bucket, ask.key.as_str(), ask.version, |lock, version| {
                    if lock.is_none() {
                        return Said::Refused("BucketLockMissing");
                    }
                    version.legal_hold = Some(ask.legal_hold);
                    Said::Done
                })
            }
            Command::ObjectRetentionSet(ask) => {
                let (new, bypass) = (ask.retention, ask.bypass_governance);
                self.change(&ask.bucket, ask.key.as_str(), ask.version, |lock, version| {
                    retention_change(now, lock, version, new, bypass)
                })
            }
            Command::UploadCreate(ask) => {
                let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
                let upload = Upload { tags: ask.tags.clone(), ..Upload::default() };
                bucket.uploads.insert((ask.key.to_string(), ask.upload), upload);
                Said::Done
            }
            Command::UploadPartPut(ask) => self.part_put(ask),
            Command::UploadAbort(ask) => {
                let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
                match bucket.uploads.remove(&(ask.key.to_string(), ask.upload)) {
                    Some(_) => Said::Done,
                    None => Said::Refused("NoSuchUpload"),
                }
            }
            Command::UploadComplete(ask) => self.complete(now, ask),
            _ => Said::Anything,
        }
    }

    fn bucket(&mut self, reference: &BucketRef) -> Option<&mut Bucket> {
        let bucket = self.buckets.get_mut(reference.name.as_str());
        bucket.filter(|bucket| bucket.id == Some(reference.id))
    }

    /// The bucket of this number as it is now, or as it first was.
    pub fn reference(&self, number: u128) -> BucketRef {
        let BucketRef { name, id } = super::world::bucket(number);
        let now = self.buckets.get(name.as_str()).and_then(|bucket| bucket.id);
        BucketRef { name, id: now.unwrap_or(id) }
    }

    /// Key by key from where it was said, each key's current version last.
    fn clear(&mut self, ask: &BucketClear) -> Said {
        let erased = self.erased;
        let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
        if !erased {
            return Said::Refused("TenantNotErased");
        }
        let from = ask.from.as_ref().map(ToString::to_string).unwrap_or_default();
        let (mut versions, mut next) = (0, None);
        for (key, there) in bucket.keys.range_mut(from..) {
            while versions < ask.versions && !there.is_empty() {
                there.remove(usize::from(there.len() > 1));
                versions += 1;
            }
            if !there.is_empty() {
                next = Some(key.clone());
                break;
            }
        }
        let bucket_gone = bucket.keys.values().all(Vec::is_empty);
        if bucket_gone {
            self.buckets.remove(ask.bucket.name.as_str());
            self.map.policy_drop(PolicyScope::Bucket(ask.bucket.id));
        }
        Said::Cleared { versions, next, bucket_gone }
    }

    fn put(&mut self, now: Timestamp, ask: &ObjectPut) -> Said {
        let ordinal = self.ordinal + 1;
        let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
        let key = ask.key.as_str();
        if let Some(refused) = condition(bucket, key, &ask.condition) {
            return refused;
        }
        let new = &ask.version;
        let retention = match (&bucket.lock, new.retention) {
            (None, Some(_)) => return Said::Refused("BucketLockMissing"),
            (None, None) if new.legal_hold.is_some() => {
                return Said::Refused("BucketLockMissing");
            }
            (Some(_), Some(retention)) if retention.until <= now => {
                return Said::Refused("RetentionInPast");
            }
            (_, Some(retention)) => Some(retention),
            (lock, None) => {
                lock.and_then(|lock| lock.default_retention).map(|default| default.starting_at(now))
            }
        };
        if bucket.locked_null(key, now) {
            return Said::Refused("ObjectLocked");
        }
        let content = match &new.content {
            ContentPut::Empty => Content::Nothing,
            ContentPut::Inline { .. } => Content::Inline,
            ContentPut::NewPart { reference, .. } | ContentPut::SharedPart(reference) => {
                Content::One(reference.part)
            }
            ContentPut::SharedParts(parts) => {
                let one =
                    |part: &catalog::PartReference| (part.number.get(), part.part, part.size.get());
                Content::Many(parts.iter().map(one).collect())
            }
        };
        let version = Version {
            id: VersionId::new(ordinal, new.random),
            is_null: bucket.versioning != Versioning::Enabled,
            is_marker: false,
            modified: now,
            size: new.size.get(),
            etag: new.etag.clone(),
            tags: new.tags.clone(),
            retention,
            legal_hold: new.legal_hold,
            content,
            upload: None,
        };
        let said = put_said(bucket, &version);
        if !try_push(bucket, key, version) {
            return Said::Refused("QuotaExceeded");
        }
        self.ordinal = ordinal;
        said
    }

    fn delete(
        &mut self,
        now: Timestamp,
        reference: &BucketRef,
        item: &DeleteItem,
        bypass: bool,
    ) -> Said {
        let ordinal = self.ordinal + 1;
        let Some(bucket) = self.bucket(reference) else { return no_bucket() };
        let key = item.key.as_str();
        let named = match item.version {
            VersionAsk::Named(name) => Some(name),
            _ => None,
        };
        let nothing =
            Said::Deleted(DeleteDone { version: named, delete_marker: false, changed: false });
        let target = bucket.find(key, item.version).map(|(at, version)| (at, version.clone()));
        let conditional = item.condition != catalog::command::DeleteCondition::default();
        let marks = item.version == VersionAsk::Current && bucket.versioning != Versioning::Off;
        match &target {
            None if marks && !conditional => {}
            None => return nothing,
            Some((_, version)) => {
                let condition = &item.condition;
                if let Some(ETagMatch::OneOf(tags)) = &condition.if_match
                    && !tags.contains(&version.etag)
                {
                    return Said::Refused("PreconditionFailed { condition: IfMatch }");
                }
                if condition.size.is_some_and(|size| size.get() != version.size) {
                    return Said::Refused("PreconditionFailed { condition: IfMatchSize }");
                }
                if condition.modified.is_some_and(|at| at.seconds() != version.modified.seconds()) {
                    return Said::Refused(
                        "PreconditionFailed { condition: IfMatchLastModifiedTime }",
                    );
                }
            }
        }
        if marks {
            if bucket.locked_null(key, now) {
                return Said::Refused("ObjectLocked");
            }
            let marker = Version {
                id: VersionId::new(ordinal, item.marker_random),
                is_null: bucket.versioning != Versioning::Enabled,
                is_marker: true,
                modified: now,
                size: 0,
                etag: ETag::Opaque(String::new()),
                tags: Vec::new(),
                retention: None,
                legal_hold: None,
                content: Content::Nothing,
                upload: None,
            };
            let version = Some(marker.name());
            bucket.push(key, marker);
            self.ordinal = ordinal;
            return Said::Deleted(DeleteDone { version, delete_marker: true, changed: true });
        }
        let Some((at, version)) = target else { return nothing };
        if version.locked(now, bypass) {
            return Said::Refused("ObjectLocked");
        }
        if let Some(versions) = bucket.keys.get_mut(key) {
            versions.remove(at);
            if versions.is_empty() {
                bucket.keys.remove(key);
            }
        }
        Said::Deleted(DeleteDone {
            version: named,
            delete_marker: version.is_marker,
            changed: true,
        })
    }

    fn change(
        &mut self,
        reference: &BucketRef,
        key: &str,
        ask: VersionAsk,
        change: impl FnOnce(Option<ObjectLock>, &mut Version) -> Said,
    ) -> Said {
        let Some(bucket) = self.bucket(reference) else { return no_bucket() };
        let lock = bucket.lock;
        let position = bucket.find(key, ask).map(|(position, _)| position);
        let version = position.and_then(|at| bucket.keys.get_mut(key)?.get_mut(at));
        match (version, ask) {
            (None, VersionAsk::Current) => Said::Refused("NoSuchKey { marker: None }"),
            (None, _) => Said::Refused("NoSuchVersion"),
            (Some(version), VersionAsk::Current) if version.is_marker => {
                Said::Refused("NoSuchKey { marker: Some")
            }
            (Some(version), _) if version.is_marker => Said::Refused("IsDeleteMarker"),
            (Some(version), _) => change(lock, version),
        }
    }

    fn part_put(&mut self, ask: &UploadPartPut) -> Said {
        let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
        let before = bucket.bytes();
        let Some(upload) = bucket.uploads.get_mut(&(ask.key.to_string(), ask.upload)) else {
            return Said::Refused("NoSuchUpload");
        };
        let number = ask.reference.number.get();
        let part = (ask.reference.part, ask.reference.size.get());
        let old = upload.parts.insert(number, part);
        if bucket.over(before) {
            if let Some(upload) = bucket.uploads.get_mut(&(ask.key.to_string(), ask.upload)) {
                match old {
                    Some(old) => upload.parts.insert(number, old),
                    None => upload.parts.remove(&number),
                };
            }
            return Said::Refused("QuotaExceeded");
        }
        Said::Done
    }

    fn complete(&mut self, now: Timestamp, ask: &UploadComplete) -> Said {
        let ordinal = self.ordinal + 1;
        let Some(bucket) = self.bucket(&ask.bucket) else { return no_bucket() };
        let key = ask.key.as_str();
        let name = (key.to_owned(), ask.upload);
        let Some(upload) = bucket.uploads.get(&name).cloned() else {
            let done = bucket.keys.get(key).into_iter().flatten();
            let again = done
                .into_iter()
                .find(|version| version.upload == Some(ask.upload) && version.etag == ask.etag);
            return match again {
                Some(version) => put_said(bucket, version),
                None => Said::Refused("NoSuchUpload"),
            };
        };
        let mut parts = Vec::new();
        for (at, (number, id)) in ask.parts.iter().enumerate() {
            match upload.parts.get(&number.get()) {
                Some((part, size)) if part == id => {
                    if at + 1 < ask.parts.len() && *size < catalog::limits::PART_BYTES_MIN {
                        return Said::Refused("EntityTooSmall");
                    }
                    parts.push((number.get(), *part, *size));
                }
                _ => return Said::Refused("InvalidPart"),
            }
        }
        if parts.is_empty() {
            return Said::Refused("InvalidPart");
        }
        if let Some(refused) = condition(bucket, key, &ask.condition) {
            return refused;
        }
        if bucket.locked_null(key, now) {
            return Said::Refused("ObjectLocked");
        }
        let default = bucket.lock.and_then(|lock| lock.default_retention);
        let version = Version {
            id: VersionId::new(ordinal, ask.random),
            is_null: bucket.versioning != Versioning::Enabled,
            is_marker: false,
            modified: now,
            size: parts.iter().map(|(_, _, size)| size).sum(),
            etag: ask.etag.clone(),
            tags: upload.tags.clone(),
            retention: default.map(|default| default.starting_at(now)),
            legal_hold: None,
            content: Content::Many(parts),
            upload: Some(ask.upload),
        };
        let said = put_said(bucket, &version);
        bucket.uploads.remove(&name);
        bucket.push(key, version);
        self.ordinal = ordinal;
        said
    }
}

fn no_bucket() -> Said {
    Said::Refused("NoSuchBucket")
}

fn put_said(bucket: &Bucket, version: &Version) -> Said {
    let shown = (bucket.versioning != Versioning::Off).then(|| version.name());
    Said::Put { version: shown, size: version.size }
}

/// Pushes unless that would go over the quota.
fn try_push(bucket: &mut Bucket, key: &str, version: Version) -> bool {
    let before = bucket.bytes();
    let old = bucket.keys.get(key).cloned();
    bucket.push(key, version);
    if bucket.over(before) {
        match old {
            Some(old) => bucket.keys.insert(key.to_owned(), old),
            None => bucket.keys.remove(key),
        };
        return false;
    }
    true
}

fn condition(bucket: &Bucket, key: &str, condition: &PutCondition) -> Option<Said> {
    let current = bucket.find(key, VersionAsk::Current).map(|(_, version)| version);
    let object = current.filter(|version| !version.is_marker);
    let fits = |wanted: &ETagMatch, version: &Version| match wanted {
        ETagMatch::Any => true,
        ETagMatch::OneOf(tags) => tags.contains(&version.etag),
    };
    if let Some(wanted) = &condition.if_match {
        match object {
            None => return Some(Said::Refused("NoSuchKey")),
            Some(version) if !fits(wanted, version) => {
                return Some(Said::Refused("PreconditionFailed { condition: IfMatch }"));
            }
            Some(_) => {}
        }
    }
    match (&condition.if_none_match, object) {
        (Some(unwanted), Some(version)) if fits(unwanted, version) => {
            Some(Said::Refused("PreconditionFailed { condition: IfNoneMatch }"))
        }
        _ => None,
    }
}

fn retention_change(
    now: Timestamp,
    lock: Option<ObjectLock>,
    version: &mut Version,
    new: Option<Retention>,
    bypass: bool,
) -> Said {
    if lock.is_none() {
        return Said::Refused("BucketLockMissing");
    }
    if new.is_some_and(|new| new.until <= now) {
        return Said::Refused("RetentionInPast");
    }
    if let Some(old) = version.retention.filter(|old| now < old.until) {
        let longer = new.is_some_and(|new| new.mode == old.mode && new.until >= old.until);
        let may = bypass && old.mode == RetentionMode::Governance;
        if !longer && !may {
            return Said::Refused("ObjectLocked");
        }
    }
    version.retention = new;
    Said::Done
}
