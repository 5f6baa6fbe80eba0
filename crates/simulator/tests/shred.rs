//! A tenant was erased and the power went before its key was destroyed: the next
//! life destroys it.

use anyhow::Result;
use catalog::command::{TenantDelete, TenantErase};
use catalog::{Command, Job, Tenant};
use simulator::{Site, SiteOptions};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_destroyed_although_the_power_went() -> Result<()> {
    for erase in [true, false] {
        let mut site = Site::new(SiteOptions { seed: 14, disks: 1 });
        let running = site.start().await?;
        let tenant = running.tenant("commune").await?;
        let row = tenant.wrapped_key.as_slice();
        // As the verbs do it, up to where the power goes.
        let command = if erase {
            Command::TenantErase(TenantErase { id: tenant.id })
        } else {
            Command::TenantDelete(TenantDelete { id: tenant.id })
        };
        running.consensus.propose(command).await?;
        drop(running);
        site.power_cut(3);

        let running = site.start().await?;
        let vault = &running.objects.parts().vault;
        assert!(vault.tenant_rotate(tenant.id, row).is_ok(), "a kept row still opens");
        assert_eq!(running.steward.shred_step().await?, 1);
        assert!(vault.tenant_rotate(tenant.id, row).is_err(), "nothing of it opens any more");
        assert_eq!(running.steward.shred_step().await?, 0, "and it is done once");
        running.stop().await;
    }
    Ok(())
}

/// A version that wrote no job was stopped amid an erasure: the first step of a process
/// looks at all tenants that are erased.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_destroyed_of_which_no_job_tells() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 15, disks: 1 });
    let running = site.start().await?;
    let (erased, kept) = (running.tenant("erased").await?, running.tenant("kept").await?);
    let erase = Command::TenantErase(TenantErase { id: erased.id });
    running.consensus.propose(erase).await?;
    let forget = Command::JobSet { name: Job::shred_of(erased.id), state: None };
    running.consensus.propose(forget).await?;
    let vault = &running.objects.parts().vault;
    let opens =
        |tenant: &Tenant| vault.tenant_rotate(tenant.id, tenant.wrapped_key.as_slice()).is_ok();
    assert!(opens(&erased) && opens(&kept));
    assert_eq!(running.steward.shred_step().await?, 0);
    assert!(!opens(&erased), "nothing of it opens any more");
    assert!(opens(&kept), "the others are left alone");
    Ok(())
}
