//! Lifecycle: what the rules of the buckets want deleted.

use consensus::ProposeError;

use crate::{Steward, StewardError};

impl Steward {
    /// Looks at one page of versions or uploads and proposes what is due; true
    /// when a pass over all buckets has ended.
    pub async fn lifecycle_step(&self) -> Result<bool, StewardError> {
        let step = {
            let parts = self.shared.objects.parts();
            let days = self.shared.settings.days;
            let mut sweep = self.shared.lifecycle.lock();
            sweep.step(&self.view(), self.now(), days, &*parts.random)?
        };
        for command in step.commands {
            match self.propose(command).await {
                Ok(_) => self.count(|status| status.lifecycle_commands += 1),
                // A lock, or somebody was faster: the next pass sees what is left.
                Err(StewardError::Propose(ProposeError::Refused(refusal))) => {
                    tracing::debug!(%refusal, "a lifecycle command was refused");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(step.finished)
    }

    /// One whole pass over all buckets.
    pub async fn lifecycle_pass(&self) -> Result<(), StewardError> {
        while !self.lifecycle_step().await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
