//! How a site gets its tenant and its buckets; also where an earlier attempt was cut.

use anyhow::{Result, bail};
use bytes::Bytes;
use catalog::record::Record as _;
use catalog::{
    LifecycleExpiration, LifecycleFilter, LifecycleRule, LifecycleRules, Quota, Refusal,
    SettingKind, TenantName, Versioning,
};
use objects::{BucketCreate, ObjectError};
use units::TenantId;

use crate::site::simulator;
use crate::versions::MORTAL_DAYS;
use crate::world::World;

const TENANT: &str = "commune";

impl World {
    /// Makes what is not there yet; an error is one of the object path, or worse.
    pub(crate) async fn found(&mut self) -> Result<()> {
        let objects = self.running()?.objects.clone();
        let by = simulator();
        let name = TenantName::new(TENANT)?;
        let there = objects.tenants_list(&by).await?;
        let tenant = match there.into_iter().find(|tenant| tenant.name == name) {
            Some(tenant) => tenant,
            None => objects.tenant_create(&by, name, Quota::default()).await?,
        };
        let buckets = self.buckets.clone();
        for bucket in [&buckets.plain, &buckets.versioned, &buckets.mortal] {
            self.bucket_found(tenant.id, bucket, false).await?;
        }
        self.bucket_found(tenant.id, &buckets.locked, true).await?;
        let enabled = Versioning::Enabled;
        objects.bucket_versioning_set(&by, &buckets.versioned, enabled).await?;
        let rule = LifecycleRule {
            id: "all".to_owned(),
            enabled: true,
            filter: LifecycleFilter::default(),
            expiration: Some(LifecycleExpiration::Days(MORTAL_DAYS)),
            noncurrent: None,
            abort_uploads_days: None,
        };
        let rules = Bytes::from(LifecycleRules { rules: vec![rule] }.encode());
        let kind = SettingKind::Lifecycle;
        objects.bucket_setting_set(&by, &buckets.mortal, kind, Some(rules)).await?;
        Ok(())
    }

    async fn bucket_found(
        &self,
        tenant: TenantId,
        bucket: &catalog::BucketName,
        object_lock: bool,
    ) -> Result<()> {
        let ask = BucketCreate {
            bucket: bucket.clone(),
            tenant: Some(tenant),
            object_lock,
            ownership: None,
            acl: None,
        };
        match self.running()?.objects.bucket_create(&simulator(), ask).await {
            Ok(_) => Ok(()),
            Err(ObjectError::Refused(Refusal::BucketExists { .. })) => Ok(()),
            Err(error) => bail!("bucket {bucket} could not be made: {error:?}"),
        }
    }
}
