//! How much is stored, by tenant and bucket.

use admin::Fault;
use admin::limits::PAGE_ENTRIES_MAX;
use admin::model::{BucketUsage, TenantUsage, Usage};
use units::{ByteCount, ObjectCount};

use super::{SiteOperations, unread};

impl SiteOperations {
    pub(super) fn usage_of(&self, tenant: Option<&str>) -> Result<Usage, Fault> {
        let rows = match tenant {
            Some(name) => vec![self.tenant_row(name)?],
            None => self.tenant_rows()?,
        };
        let mut usage = Usage { objects: 0, bytes: 0, tenants: Vec::new(), more_tenants: false };
        for row in rows {
            let held = self.view().tenant_usage(row.id).map_err(|error| unread(&error))?;
            usage.objects = usage.objects.saturating_add(held.objects.get());
            usage.bytes = usage.bytes.saturating_add(held.bytes.get());
            if usage.tenants.len() < PAGE_ENTRIES_MAX {
                usage.tenants.push(self.tenant_usage(&row, held)?);
            } else {
                usage.more_tenants = true;
            }
        }
        Ok(usage)
    }

    fn tenant_usage(
        &self,
        row: &catalog::Tenant,
        held: catalog::Usage,
    ) -> Result<TenantUsage, Fault> {
        let view = self.view();
        let buckets = view.tenant_buckets(row.id, None, PAGE_ENTRIES_MAX.saturating_add(1));
        let buckets = buckets.map_err(|error| unread(&error))?;
        let more_buckets = buckets.len() > PAGE_ENTRIES_MAX;
        let of_bucket = |bucket: &catalog::Bucket| {
            let held = view.bucket_usage(bucket.id).map_err(|error| unread(&error))?;
            Ok(BucketUsage {
                bucket: bucket.name.to_string(),
                objects: held.objects.get(),
                bytes: held.bytes.get(),
            })
        };
        Ok(TenantUsage {
            tenant: row.name.to_string(),
            quota_bytes: row.quota.bytes.map(ByteCount::get),
            quota_objects: row.quota.objects.map(ObjectCount::get),
            objects: held.objects.get(),
            bytes: held.bytes.get(),
            buckets: buckets
                .iter()
                .take(PAGE_ENTRIES_MAX)
                .map(of_bucket)
                .collect::<Result<_, Fault>>()?,
            more_buckets,
        })
    }
}
