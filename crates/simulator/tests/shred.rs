//! A tenant was erased and the power went before its key was destroyed: the next
//! life destroys it.

use anyhow::Result;
use catalog::Command;
use catalog::command::{TenantDelete, TenantErase};
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
