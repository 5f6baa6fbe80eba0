//! Questions about one thing: point look-ups and short scans.

use core::ops::Bound;

use units::{BucketId, PartId, PartNumber, ReferenceId, Sequence, TenantId, UploadId};

use super::{ReadError, View};
use crate::name::{
    AccessKeyId, BucketName, EmailAddress, JobName, NamedKeyName, ObjectKey, SealedBytes,
    TenantName, UserName, VersionAsk, VersionId,
};
use crate::record::{
    AccessKey, Bucket, BucketSetting, Counters, Damaged, Disks, Event, ForgottenDisk, InlineBody,
    Job, LifecycleRules, Manifest, NamedKey, ObjectVersion, PartReference, PartRow, Record,
    ReleaseEntry, SettingKind, Tenant, Upload, Usage, User, VersionHead,
};
use crate::rows::Row;
use crate::table;

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An object version.
    Object(Box<ObjectVersion>),
    /// A delete marker: asked for as the current version it is `NoSuchKey`,
    /// asked for by name it is `MethodNotAllowed`.
    Marker(VersionHead),
    /// Nothing: `NoSuchKey`, or `NoSuchVersion` if a version was named.
    Missing,
}

/// Events after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// The events, in order.
    pub events: Vec<(Sequence, Event)>,
    /// Events that the reader had not seen were dropped: it must start over.
    pub lost: bool,
    /// The newest event there is.
    pub newest: Sequence,
}

impl View {
    pub(super) fn record<R: Record>(&self, key: &[u8]) -> Result<Option<R>, ReadError> {
        Ok(self.rows.get(key)?.map(|bytes| R::decode(&bytes)).transpose()?)
    }

    /// Rows that start with `prefix` and come after `after`.
    pub(super) fn scan_after<'a>(
        &'a self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, crate::RowsError>> + 'a> {
        let end = table::after_prefix(prefix);
        let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.scan(from, to)
    }

    pub(super) fn page<T>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        mut read: impl FnMut(&[u8], &[u8]) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let mut found = Vec::new();
        for row in self.scan_after(prefix, after).take(limit) {
            let (key, value) = row?;
            found.push(read(&key, &value)?);
        }
        Ok(found)
    }

    /// The tenant with this id.
    pub fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, ReadError> {
        self.record(&table::tenant(id))
    }

    /// The tenant with this name.
    pub fn tenant_named(&self, name: &TenantName) -> Result<Option<Tenant>, ReadError> {
        self.tenant_indexed(&table::tenant_name(name), "tenant name")
    }

    /// The tenant with this e-mail address.
    pub fn tenant_by_email(&self, email: &EmailAddress) -> Result<Option<Tenant>, ReadError> {
        self.tenant_indexed(&table::tenant_email(email), "tenant e-mail address")
    }

    fn tenant_indexed(&self, row: &[u8], kind: &'static str) -> Result<Option<Tenant>, ReadError> {
        let Some(bytes) = self.rows.get(row)? else { return Ok(None) };
        let id = <[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| Damaged { kind })?;
        self.tenant(TenantId::from_bytes(id))
    }

    /// Tenants in the order of their ids, after this one.
    pub fn tenants(&self, after: Option<TenantId>, limit: usize) -> Result<Vec<Tenant>, ReadError> {
        let after = after.map(table::tenant);
        self.page(&[table::TENANT], after.as_deref(), limit, |_, value| Ok(Tenant::decode(value)?))
    }

    /// The user of this name.
    pub fn user(&self, tenant: TenantId, name: &UserName) -> Result<Option<User>, ReadError> {
        self.record(&table::user(tenant, name))
    }

    /// Users of a tenant in the order of their names, after this one.
    pub fn users(
        &self,
        tenant: TenantId,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<User>, ReadError> {
        let after = after.map(|name| table::user(tenant, name));
        self.page(&table::users(tenant), after.as_deref(), limit, |_, v| Ok(User::decode(v)?))
    }

    /// The access key with this id, revoked or not.
    pub fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKey>, ReadError> {
        self.record(&table::key(id))
    }

    /// Access keys of a tenant in the order of their ids, after this one.
    pub fn access_keys(
        &self,
        tenant: TenantId,
        after: Option<&AccessKeyId>,
        limit: usize,
    ) -> Result<Vec<AccessKey>, ReadError> {
        let prefix = table::tenant_keys(tenant);
        let after = after.map(|id| table::tenant_key(tenant, id));
        let names = self.page(&prefix, after.as_deref(), limit, |key, _| {
            text_after(key, prefix.len(), "access key index").map(AccessKeyId::stored)
        })?;
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            keys.extend(self.access_key(&name)?);
        }
        Ok(keys)
    }

    /// The named key of this name.
    pub fn named_key(
        &self,
        tenant: TenantId,
        name: &NamedKeyName,
    ) -> Result<Option<NamedKey>, ReadError> {
        self.record(&table::named_key(tenant, name))
    }

    /// Named keys of a tenant in the order of their names, after this one.
    pub fn named_keys(
        &self,
        tenant: TenantId,
        after: Option<&NamedKeyName>,
        limit: usize,
    ) -> Result<Vec<NamedKey>, ReadError> {
        let prefix = table::named_keys(tenant);
        let after = after.map(|name| table::named_key(tenant, name));
        self.page(&prefix, after.as_deref(), limit, |_, v| Ok(NamedKey::decode(v)?))
    }

    /// The bucket of this name.
    pub fn bucket(&self, name: &BucketName) -> Result<Option<Bucket>, ReadError> {
        self.record(&table::bucket(name))
    }

    /// All buckets in the order of their names, after this one.
    pub fn buckets(
        &self,
        after: Option<&BucketName>,
        limit: usize,
    ) -> Result<Vec<Bucket>, ReadError> {
        let after = after.map(table::bucket);
        self.page(&[table::BUCKET], after.as_deref(), limit, |_, value| Ok(Bucket::decode(value)?))
    }

    /// Buckets of a tenant in the order of their names, after this one.
    pub fn tenant_buckets(
        &self,
        tenant: TenantId,
        after: Option<&BucketName>,
        limit: usize,
    ) -> Result<Vec<Bucket>, ReadError> {
        let prefix = table::tenant_buckets(tenant);
        let after = after.map(|name| table::tenant_bucket(tenant, name));
        let names = self.page(&prefix, after.as_deref(), limit, |key, _| {
            text_after(key, prefix.len(), "bucket index").map(BucketName::stored)
        })?;
        let mut buckets = Vec::with_capacity(names.len());
        for name in names {
            buckets.extend(self.bucket(&name)?);
        }
        Ok(buckets)
    }

    /// A setting of a bucket; no look-up if the bucket's row says there is none.
    pub fn setting(
        &self,
        bucket: &Bucket,
        kind: SettingKind,
    ) -> Result<Option<BucketSetting>, ReadError> {
        if !bucket.settings.contains(kind) {
            return Ok(None);
        }
        self.record(&table::setting(bucket.id, kind))
    }

    /// The lifecycle rules of a bucket.
    pub fn lifecycle(&self, bucket: &Bucket) -> Result<Option<LifecycleRules>, ReadError> {
        let setting = self.setting(bucket, SettingKind::Lifecycle)?;
        Ok(setting.map(|s| LifecycleRules::decode(s.bytes.as_slice())).transpose()?)
    }

    /// What a bucket holds.
    pub fn bucket_usage(&self, bucket: BucketId) -> Result<Usage, ReadError> {
        Ok(self.record(&table::bucket_usage(bucket))?.unwrap_or_default())
    }

    /// What a tenant holds.
    pub fn tenant_usage(&self, tenant: TenantId) -> Result<Usage, ReadError> {
        Ok(self.record(&table::tenant_usage(tenant))?.unwrap_or_default())
    }

    /// One version of a key: one look-up for the current version, one more for
    /// an older one.
    pub fn object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        ask: VersionAsk,
    ) -> Result<Found, ReadError> {
        let Some(row) = self.rows.get(&table::current(bucket, key))? else {
            return Ok(Found::Missing);
        };
        let head = ObjectVersion::decode_head(&row)?;
        let older = match ask {
            VersionAsk::Current => return found(&row),
            VersionAsk::Named(name) if head.name() == name => return found(&row),
            VersionAsk::Exact(id) if head.version == id => return found(&row),
            VersionAsk::Named(crate::VersionName::Null) => head.null_noncurrent,
            VersionAsk::Named(crate::VersionName::Id(id)) | VersionAsk::Exact(id) => Some(id),
        };
        let Some(id) = older else { return Ok(Found::Missing) };
        let Some(row) = self.rows.get(&table::noncurrent(bucket, key, id))? else {
            return Ok(Found::Missing);
        };
        let head = ObjectVersion::decode_head(&row)?;
        let shown = match ask {
            VersionAsk::Named(name) => head.name() == name,
            VersionAsk::Current | VersionAsk::Exact(_) => true,
        };
        if head.version == id && shown { found(&row) } else { Ok(Found::Missing) }
    }

    /// The sealed body of an inline version.
    pub fn inline_body(&self, reference: ReferenceId) -> Result<Option<SealedBytes>, ReadError> {
        Ok(self.record::<InlineBody>(&table::inline(reference))?.map(|body| body.sealed))
    }

    /// The manifest of a multipart version.
    pub fn manifest(&self, reference: ReferenceId) -> Result<Option<Manifest>, ReadError> {
        self.record(&table::manifest(reference))
    }

    /// One part of a multipart version or of an unfinished upload.
    pub fn manifest_part(
        &self,
        reference: ReferenceId,
        number: PartNumber,
    ) -> Result<Option<PartReference>, ReadError> {
        self.record(&table::manifest_part(reference, number))
    }

    /// Parts of a multipart version or of an unfinished upload, after this number.
    pub fn manifest_parts(
        &self,
        reference: ReferenceId,
        after: PartNumber,
        limit: usize,
    ) -> Result<Vec<PartReference>, ReadError> {
        let prefix = table::manifest_rows(reference);
        let after = table::manifest_part(reference, after);
        self.page(&prefix, Some(&after), limit, |_, value| Ok(PartReference::decode(value)?))
    }

    /// An unfinished upload.
    pub fn upload(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        upload: UploadId,
    ) -> Result<Option<Upload>, ReadError> {
        self.record(&table::upload(bucket, key, upload))
    }

    /// Where a part's fragments are.
    pub fn part(&self, id: PartId) -> Result<Option<PartRow>, ReadError> {
        self.record(&table::part(id))
    }

    /// Whether the catalog knows the part, released or not: if not, and it is
    /// old enough, its fragments are orphans.
    pub fn part_known(&self, id: PartId) -> Result<bool, ReadError> {
        Ok(self.rows.get(&table::part(id))?.is_some())
    }

    /// Parts in the order of their ids, after this one.
    pub fn parts(
        &self,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<(PartId, PartRow)>, ReadError> {
        let after = after.map(table::part);
        self.page(&[table::PART], after.as_deref(), limit, |key, value| {
            Ok((table::part_of(key)?, PartRow::decode(value)?))
        })
    }

    /// The disks that were forgotten.
    pub fn disks_forgotten(&self) -> Result<Vec<ForgottenDisk>, ReadError> {
        let disks = self.record::<Disks>(&table::disks())?;
        Ok(disks.map(|disks| disks.forgotten).unwrap_or_default())
    }

    /// Released manifests and buckets that `ReleaseAdvance` has still to take apart.
    pub fn release_groups(&self, limit: usize) -> Result<Vec<(u64, ReleaseEntry)>, ReadError> {
        self.page(&[table::RELEASE_GROUP], None, limit, |key, value| {
            Ok((number_after(key, "release")?, ReleaseEntry::decode(value)?))
        })
    }

    /// Released parts in the order of their release, after this place.
    pub fn releases(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, ReleaseEntry)>, ReadError> {
        let after = after.map(table::release);
        self.page(&[table::RELEASE], after.as_deref(), limit, |key, value| {
            Ok((number_after(key, "release")?, ReleaseEntry::decode(value)?))
        })
    }

    /// Events after a cursor.
    pub fn feed(&self, after: Sequence, limit: usize) -> Result<FeedPage, ReadError> {
        let counters: Counters = self.record(&table::counters())?.unwrap_or_default();
        let from = table::event(after);
        let events = self.page(&[table::EVENT], Some(&from), limit, |key, value| {
            Ok((Sequence::new(number_after(key, "event")?), Event::decode(value)?))
        })?;
        let lost = after < counters.dropped_events;
        Ok(FeedPage { events, lost, newest: counters.newest_event })
    }

    /// Where a job stands.
    pub fn job(&self, name: &JobName) -> Result<Option<Job>, ReadError> {
        self.record(&table::job(name))
    }

    /// Jobs in the order of their names, after this one.
    pub fn jobs(
        &self,
        after: Option<&JobName>,
        limit: usize,
    ) -> Result<Vec<(JobName, Job)>, ReadError> {
        let after = after.map(table::job);
        self.page(&[table::JOB], after.as_deref(), limit, |key, value| {
            Ok((text_after(key, 1, "job").map(JobName::stored)?, Job::decode(value)?))
        })
    }

    /// Whether a version with this id stands under the key, as current or older.
    pub fn version_exists(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        id: VersionId,
    ) -> Result<bool, ReadError> {
        Ok(self.object(bucket, key, VersionAsk::Exact(id))? != Found::Missing)
    }
}

fn found(row: &[u8]) -> Result<Found, ReadError> {
    let version = ObjectVersion::decode(row)?;
    if version.head.is_delete_marker() {
        return Ok(Found::Marker(version.head));
    }
    Ok(Found::Object(Box::new(version)))
}

fn text_after(key: &[u8], at: usize, kind: &'static str) -> Result<String, ReadError> {
    let text = key.get(at..).and_then(|bytes| core::str::from_utf8(bytes).ok());
    Ok(text.ok_or(Damaged { kind })?.to_owned())
}

fn number_after(key: &[u8], kind: &'static str) -> Result<u64, ReadError> {
    let number = key.get(1..).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Ok(u64::from_be_bytes(number.ok_or(Damaged { kind })?))
}
