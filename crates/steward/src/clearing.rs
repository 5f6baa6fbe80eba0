//! Clearing: what erased tenants left on the disks.

use consensus::ProposeError;

use crate::{Steward, StewardError};

impl Steward {
    /// Clears one batch of what an erased tenant left; true when a pass over all tenants
    /// has ended.
    ///
    /// Not in a catalog that was put back from a backup, before that is confirmed: a newer
    /// one may still be put back.
    // Cancel-safety: cut anywhere, it finds in the rows what is left, from the head.
    pub async fn clearing_step(&self) -> Result<bool, StewardError> {
        if self.restored_from()?.is_some() {
            return Ok(true);
        }
        let step = {
            let vault = &self.shared.objects.parts().vault;
            let mut sweep = self.shared.erased.lock();
            sweep.step(&self.view(), |tenant| vault.tenant_is_shredded(tenant))?
        };
        let Some(command) = step.command else { return Ok(step.finished) };
        match self.propose(command).await {
            Ok(done) => self.shared.erased.lock().told(Ok(&done)),
            Err(StewardError::Propose(ProposeError::Refused(refusal))) => {
                tracing::warn!(%refusal, "something an erased tenant left was not cleared");
                self.shared.erased.lock().told(Err(&refusal));
            }
            Err(error) => return Err(error),
        }
        Ok(false)
    }

    /// One whole pass over all tenants.
    pub async fn clearing_pass(&self) -> Result<(), StewardError> {
        while !self.clearing_step().await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
