//! What every command works with: the rows so far, the time, and the bookkeeping
//! that no command may forget: events, usage, quotas, counters.

use units::{BucketId, ByteCount, ObjectCount, Sequence, TenantId, Timestamp};

use crate::command::BucketRef;
use crate::limits::{FEED_EVENTS_MAX, FEED_TRIM_MAX, JOB_BYTES_MAX};
use crate::name::{JobName, ObjectKey, SealedBytes, VersionName};
use crate::outcome::Success;
use crate::overlay::{Halt, Overlay};
use crate::record::{
    Bucket, Counters, Event, EventKind, Job, Quota, Tenant, TenantState, Usage, VersionHead,
};
use crate::refusal::{QuotaSubject, Refusal};
use crate::rows::Rows;
use crate::table;

/// The state of one log entry while it is applied.
pub(super) struct Tx<'a> {
    pub(super) rows: Overlay<'a>,
    /// The time of the command.
    pub(super) at: Timestamp,
}

/// How much a usage grows and shrinks, in one step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    pub(super) more: Usage,
    pub(super) less: Usage,
}

impl Change {
    /// A version comes.
    pub(super) fn add_version(&mut self, head: &VersionHead) {
        count_version(&mut self.more, head);
    }

    /// A version goes.
    pub(super) fn drop_version(&mut self, head: &VersionHead) {
        count_version(&mut self.less, head);
    }

    fn applied_to(self, usage: Usage) -> Usage {
        Usage {
            objects: usage.objects.plus(self.more.objects).minus(self.less.objects),
            bytes: usage.bytes.plus(self.more.bytes).minus(self.less.bytes),
            delete_markers: usage
                .delete_markers
                .plus(self.more.delete_markers)
                .minus(self.less.delete_markers),
            uploads: usage.uploads.plus(self.more.uploads).minus(self.less.uploads),
            upload_bytes: usage
                .upload_bytes
                .plus(self.more.upload_bytes)
                .minus(self.less.upload_bytes),
        }
    }
}

fn count_version(usage: &mut Usage, head: &VersionHead) {
    if head.is_delete_marker() {
        usage.delete_markers = usage.delete_markers.next();
    } else {
        usage.objects = usage.objects.next();
        usage.bytes = usage.bytes.plus(head.size);
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(rows: &'a dyn Rows) -> Self {
        Self { rows: Overlay::new(rows), at: Timestamp::EPOCH }
    }

    /// The bucket, if the name still means the one that the proposer saw.
    pub(super) fn bucket(&mut self, reference: &BucketRef) -> Result<Bucket, Halt> {
        match self.rows.record_often::<Bucket>(&table::bucket(&reference.name))? {
            Some(bucket) if bucket.id == reference.id => Ok(bucket),
            _ => Err(Refusal::NoSuchBucket.into()),
        }
    }

    /// The bucket and its tenant, if the tenant is served.
    pub(super) fn served(&mut self, reference: &BucketRef) -> Result<(Bucket, Tenant), Halt> {
        let bucket = self.bucket(reference)?;
        let tenant = self.tenant(bucket.tenant)?;
        if tenant.state != TenantState::Active {
            return Err(Refusal::not_served(tenant.state).into());
        }
        Ok((bucket, tenant))
    }

    pub(super) fn tenant(&mut self, id: TenantId) -> Result<Tenant, Halt> {
        let tenant = self.rows.record_often(&table::tenant(id))?;
        tenant.ok_or_else(|| Refusal::NoSuchTenant.into())
    }

    pub(super) fn bucket_set(&mut self, bucket: &Bucket) {
        self.rows.put_record(table::bucket(&bucket.name), bucket);
    }

    fn counters(&mut self) -> Result<Counters, Halt> {
        Ok(self.rows.record_often(&table::counters())?.unwrap_or_default())
    }

    fn counters_set(&mut self, counters: &Counters) {
        self.rows.put_record(table::counters(), counters);
    }

    /// The ordinal of the next version.
    pub(super) fn next_ordinal(&mut self) -> Result<u64, Halt> {
        let mut counters = self.counters()?;
        counters.ordinal = counters.ordinal.saturating_add(1);
        self.counters_set(&counters);
        Ok(counters.ordinal)
    }

    /// The next place in the release queue.
    pub(super) fn next_release(&mut self) -> Result<u64, Halt> {
        let mut counters = self.counters()?;
        counters.release = counters.release.saturating_add(1);
        self.counters_set(&counters);
        Ok(counters.release)
    }

    /// Appends an event to the change feed and drops the oldest if there are too many.
    pub(super) fn event(&mut self, event: &Event) -> Result<(), Halt> {
        let mut counters = self.counters()?;
        counters.newest_event = counters.newest_event.next();
        self.rows.put_record(table::event(counters.newest_event), event);
        if counters.newest_event.get()
            - counters.dropped_events.get().min(counters.newest_event.get())
            > FEED_EVENTS_MAX
        {
            counters.dropped_events = counters.dropped_events.next();
            self.rows.remove(table::event(counters.dropped_events));
        }
        self.counters_set(&counters);
        Ok(())
    }

    pub(super) fn tenant_event(&mut self, kind: EventKind, tenant: TenantId) -> Result<(), Halt> {
        self.event(&Event {
            at: self.at,
            kind,
            tenant,
            bucket: None,
            key: None,
            version: None,
            size: ByteCount::ZERO,
        })
    }

    pub(super) fn bucket_event(&mut self, kind: EventKind, bucket: &Bucket) -> Result<(), Halt> {
        self.event(&Event {
            at: self.at,
            kind,
            tenant: bucket.tenant,
            bucket: Some(bucket.id),
            key: None,
            version: None,
            size: ByteCount::ZERO,
        })
    }

    pub(super) fn object_event(
        &mut self,
        kind: EventKind,
        bucket: &Bucket,
        key: &ObjectKey,
        version: VersionName,
        size: ByteCount,
    ) -> Result<(), Halt> {
        self.event(&Event {
            at: self.at,
            kind,
            tenant: bucket.tenant,
            bucket: Some(bucket.id),
            key: Some(key.clone()),
            version: Some(version),
            size,
        })
    }

    /// Counts a change for the bucket and its tenant; refuses growth over a quota.
    pub(super) fn count(
        &mut self,
        bucket: &Bucket,
        tenant: Option<&Tenant>,
        change: Change,
    ) -> Result<(), Halt> {
        let bucket_quota = tenant.map(|_| (bucket.quota, QuotaSubject::Bucket));
        self.count_row(table::bucket_usage(bucket.id), bucket_quota, change)?;
        let tenant_quota = tenant.map(|tenant| (tenant.quota, QuotaSubject::Tenant));
        self.count_row(table::tenant_usage(bucket.tenant), tenant_quota, change)
    }

    fn count_row(
        &mut self,
        row: Vec<u8>,
        quota: Option<(Quota, QuotaSubject)>,
        change: Change,
    ) -> Result<(), Halt> {
        let before: Usage = self.rows.record_often(&row)?.unwrap_or_default();
        let after = change.applied_to(before);
        if let Some((quota, subject)) = quota {
            let bytes_over = quota.bytes.is_some_and(|most| after.quota_bytes() > most)
                && after.quota_bytes() > before.quota_bytes();
            let objects_over = quota.objects.is_some_and(|most| after.quota_objects() > most)
                && after.quota_objects() > before.quota_objects();
            if bytes_over || objects_over {
                return Err(Refusal::QuotaExceeded { subject }.into());
            }
        }
        if after.is_nothing() {
            self.rows.remove(row);
        } else {
            self.rows.put_record(row, &after);
        }
        Ok(())
    }

    /// Takes a deleted bucket's unfinished uploads out of its tenant's usage.
    pub(super) fn forget_bucket_usage(
        &mut self,
        bucket: BucketId,
        tenant: TenantId,
    ) -> Result<(), Halt> {
        let left: Usage = self.rows.record_often(&table::bucket_usage(bucket))?.unwrap_or_default();
        self.rows.remove(table::bucket_usage(bucket));
        let change = Change { more: Usage::default(), less: left };
        self.count_row(table::tenant_usage(tenant), None, change)
    }

    pub(super) fn feed_trim(&mut self, through: Sequence) -> Result<Success, Halt> {
        let mut counters = self.counters()?;
        let most = counters.dropped_events.get().saturating_add(FEED_TRIM_MAX);
        let through = through.get().min(counters.newest_event.get()).min(most);
        while counters.dropped_events.get() < through {
            counters.dropped_events = counters.dropped_events.next();
            self.rows.remove(table::event(counters.dropped_events));
        }
        self.counters_set(&counters);
        Ok(Success::Done)
    }

    pub(super) fn job_set(
        &mut self,
        name: &JobName,
        state: Option<&SealedBytes>,
    ) -> Result<Success, Halt> {
        match state {
            None => self.rows.remove(table::job(name)),
            Some(state) => {
                check_size("job state", state.len(), JOB_BYTES_MAX)?;
                let job = Job { updated: self.at, state: state.clone() };
                self.rows.put_record(table::job(name), &job);
            }
        }
        Ok(Success::Done)
    }
}

/// Refuses what is longer than its limit.
pub(super) fn check_size(what: &str, size: usize, max: usize) -> Result<(), Halt> {
    if size > max {
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        return Err(Refusal::TooLarge { what: what.to_owned(), max }.into());
    }
    Ok(())
}

/// One of something.
pub(super) const ONE: ObjectCount = ObjectCount::new(1);
