//! What is kept of directory rows is never older than an answered change: rows that
//! requests keep are changed, and looked at through what is kept.

use anyhow::{Result, ensure};
use catalog::{KeyScope, TenantState};

use crate::site::{Site, SiteOptions, simulator};

/// Runs the trial; an error is a row that was kept too long.
pub async fn directory_trial(seed: u64) -> Result<()> {
    let site = Site::new(SiteOptions { seed, disks: 1 });
    let running = site.start().await?;
    let objects = running.objects.clone();
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let scope = KeyScope::default();
    let key = objects.access_key_create(&simulator(), tenant.id, None, scope, None).await?.key;

    for _ in 0..2 {
        let found = objects.credential(&key.id).await?;
        ensure!(found.is_some_and(|found| found.key.revoked.is_none()), "the key is good");
        let facts = objects.bucket_facts(&bucket).await?;
        ensure!(facts.is_some_and(|facts| facts.tenant.state == TenantState::Active), "active");
    }
    objects.tenant_suspend(&simulator(), tenant.id).await?;
    let facts = objects.bucket_facts(&bucket).await?;
    ensure!(facts.is_some_and(|facts| facts.tenant.state != TenantState::Active), "suspended");
    let found = objects.credential(&key.id).await?;
    ensure!(found.is_some_and(|found| found.tenant.state != TenantState::Active), "its keys too");
    objects.tenant_resume(&simulator(), tenant.id).await?;
    objects.access_key_revoke(&simulator(), tenant.id, &key.id).await?;
    let found = objects.credential(&key.id).await?;
    ensure!(found.is_none_or(|found| found.key.revoked.is_some()), "the key is revoked");
    let before = objects.bucket_facts(&bucket).await?.map(|facts| facts.bucket.id);
    objects.bucket_delete(&simulator(), &bucket).await?;
    ensure!(objects.bucket_facts(&bucket).await?.is_none(), "the bucket is gone");
    running.bucket(&tenant, "actes", false).await?;
    let after = objects.bucket_facts(&bucket).await?.map(|facts| facts.bucket.id);
    ensure!(after.is_some() && after != before, "another bucket has its name");
    running.stop().await;
    Ok(())
}
