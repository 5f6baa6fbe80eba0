//! Buckets of all tenants.

use admin::Fault;
use admin::model::{Bucket, BucketNew, BucketQuota, List, Page, date_text};
use catalog::{BucketName, SettingKind, Versioning};
use units::{ByteCount, ObjectCount};

use super::tenants::quota_of;
use super::{SiteOperations, undone, unread};

impl SiteOperations {
    /// The row of a bucket.
    pub(super) fn bucket_row(&self, name: &str) -> Result<catalog::Bucket, Fault> {
        let unknown = || Fault::not_found("bucket", name, "essaim bucket list");
        let parsed = BucketName::new(name).map_err(|_| unknown())?;
        let found = self.view().bucket(&parsed).map_err(|error| unread(&error))?;
        found.ok_or_else(unknown)
    }

    pub(super) fn bucket_model(&self, row: &catalog::Bucket) -> Result<Bucket, Fault> {
        let view = self.view();
        let usage = view.bucket_usage(row.id).map_err(|error| unread(&error))?;
        let tenant = view.tenant(row.tenant).map_err(|error| unread(&error))?;
        let versioning = match row.versioning {
            Versioning::Off => "off",
            Versioning::Enabled => "enabled",
            Versioning::Suspended => "suspended",
        };
        Ok(Bucket {
            id: row.id.to_string(),
            name: row.name.to_string(),
            tenant: tenant.map_or_else(|| row.tenant.to_string(), |tenant| tenant.name.to_string()),
            created: date_text(row.created),
            versioning: versioning.to_owned(),
            object_lock: row.object_lock.is_some(),
            sse_c: self.sse_c(row)?,
            quota_bytes: row.quota.bytes.map(ByteCount::get),
            quota_objects: row.quota.objects.map(ObjectCount::get),
            objects: usage.objects.get(),
            bytes: usage.bytes.get(),
        })
    }

    pub(super) fn buckets(&self, page: &Page) -> Result<List<Bucket>, Fault> {
        let view = self.view();
        let after = page.after.as_deref().and_then(|after| BucketName::new(after).ok());
        let more = page.entries().saturating_add(1);
        let found = match &page.tenant {
            Some(name) => view.tenant_buckets(self.tenant_row(name)?.id, after.as_ref(), more),
            None => view.buckets(after.as_ref(), more),
        };
        let found = found.map_err(|error| unread(&error))?;
        let list = page.cut(found.into_iter(), |row| row.name.to_string());
        let items = list.items.iter().map(|row| self.bucket_model(row));
        Ok(List { items: items.collect::<Result<_, _>>()?, next: list.next })
    }

    pub(super) async fn create_bucket(&self, new: BucketNew) -> Result<Bucket, Fault> {
        let tenant = self.tenant_row(&new.tenant)?;
        let name = BucketName::new(new.name.as_str()).map_err(|error| {
            Fault::invalid(
                format!("{:?} is no bucket name: {error}", new.name),
                "use 3 to 63 lower-case letters, digits, '-' and '.'",
            )
        })?;
        let ask = objects::BucketCreate {
            bucket: name.clone(),
            tenant: Some(tenant.id),
            object_lock: false,
            ownership: None,
            acl: None,
        };
        let made = self.objects.bucket_create(&Self::leave(), ask).await;
        let made = made.map_err(|error| undone(&error))?;
        let BucketNew { quota_bytes, quota_objects, .. } = new;
        if quota_bytes.is_none() && quota_objects.is_none() {
            return self.bucket_model(&made);
        }
        self.set_bucket_quota(name.as_str(), BucketQuota { quota_bytes, quota_objects }).await
    }

    pub(super) async fn set_bucket_quota(
        &self,
        name: &str,
        quota: BucketQuota,
    ) -> Result<Bucket, Fault> {
        let row = self.bucket_row(name)?;
        let quota = quota_of(quota.quota_bytes, quota.quota_objects);
        let set = self.objects.bucket_quota_set(&Self::leave(), &row.name, quota).await;
        set.map_err(|error| undone(&error))?;
        self.bucket_model(&self.bucket_row(name)?)
    }

    /// What the bucket itself says about clients' own keys.
    fn sse_c(&self, row: &catalog::Bucket) -> Result<Option<bool>, Fault> {
        let setting = self.view().setting(row, SettingKind::CustomerKeys);
        let setting = setting.map_err(|error| unread(&error))?;
        Ok(setting.map(|setting| setting.bytes.as_slice() == [1]))
    }

    pub(super) async fn set_bucket_sse_c(
        &self,
        name: &str,
        allowed: Option<bool>,
    ) -> Result<Bucket, Fault> {
        let row = self.bucket_row(name)?;
        let set = self.objects.bucket_customer_keys_set(&Self::leave(), &row.name, allowed).await;
        set.map_err(|error| undone(&error))?;
        self.bucket_model(&self.bucket_row(name)?)
    }
}
