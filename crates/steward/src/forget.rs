//! Forgetting a disk: from then on nobody waits for it, and should it come back nobody
//! reads it.
//!
//! The catalog has the last word: it forgets a disk only if no part has a slot on it.

use catalog::command::DiskForget;
use catalog::{Command, Refusal, Success};
use consensus::ProposeError;
use thiserror::Error;
use units::DiskId;

use crate::limits::FORGET_PAGE;
use crate::{Holding, Steward, StewardError};

/// Why a disk was not forgotten.
#[derive(Debug, Error)]
pub enum DiskForgetError {
    /// It is there, whether it works or not.
    #[error("the disk is there")]
    Present,
    /// Fragments of parts still have their place on it.
    #[error("parts still have a fragment on the disk")]
    InUse(Holding),
    /// It is not known whether it was forgotten; it can be asked for again.
    #[error(transparent)]
    Undone(#[from] StewardError),
}

impl Steward {
    /// Forgets a disk that is not there and on which nothing has its place.
    // Cancel-safety: cut anywhere, it is asked for again and goes on where it was.
    pub async fn disk_forget(&self, disk: DiskId) -> Result<(), DiskForgetError> {
        // Two at a time would have the catalog begin anew with each step of the other.
        let _one = self.shared.forgetting.lock().await;
        if self.fragments().state(disk).is_some() {
            return Err(DiskForgetError::Present);
        }
        let step = Command::DiskForget(DiskForget { disk, rows: FORGET_PAGE });
        loop {
            match self.propose(step.clone()).await {
                Ok(Success::DiskForget { finished: false }) => {}
                Ok(_) => break,
                Err(StewardError::Propose(ProposeError::Refused(Refusal::DiskInUse {
                    ..
                }))) => {
                    let steward = self.clone();
                    let counted = host::blocking(move || steward.holdings()).await;
                    let holdings = counted.map_err(|_| StewardError::Interrupted)??;
                    return Err(DiskForgetError::InUse(
                        holdings.get(&disk).copied().unwrap_or_default(),
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.own_disks().missing_forget(disk);
        self.count(|status| {
            if let Some(losses) = &mut status.losses {
                losses.disks.remove(&disk);
            }
        });
        Ok(())
    }
}
