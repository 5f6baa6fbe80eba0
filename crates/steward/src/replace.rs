//! One site in the place of another: asked for once, carried out to the end.
//!
//! ```text
//! 1 | postcard Replacement
//! ```
//! The old site is emptied, or given up if it is lost; what moves or is rebuilt goes to
//! the new one first; and the old one leaves the map when nothing lies there any more.

use catalog::command::{SiteDrain, SiteRemove};
use catalog::limits::SITE_REMOVE_ROWS_MAX;
use catalog::{Command, Job, ReadError, Refusal, SealedBytes, Success, View};
use consensus::ProposeError;
use serde::{Deserialize, Serialize};
use units::SiteId;

use crate::moves::{Moves, MovesPhase};
use crate::{Steward, StewardError};

const VERSION: u8 = 1;

/// A replacement that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The site that goes.
    pub old: SiteId,
    /// The site that takes its place.
    pub new: SiteId,
}

impl Replacement {
    /// The one under way, if there is one.
    pub fn of(view: &View) -> Result<Option<Self>, ReadError> {
        let job = view.job(&Job::site_replacement())?;
        Ok(job.and_then(|job| match job.state.as_slice().split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }))
    }

    /// The bytes of its row.
    pub fn encode(&self) -> SealedBytes {
        SealedBytes::new(postcard::to_extend(self, vec![VERSION]).unwrap_or_default())
    }
}

impl Steward {
    /// Goes on with a replacement after a walk has ended: the old site leaves the map when
    /// nothing lies there, and with what was lost rebuilt it is over.
    pub(crate) async fn replacement_step(&self, said: &Moves) -> Result<(), StewardError> {
        let view = self.view();
        let Some(Replacement { old, .. }) = Replacement::of(&view)? else { return Ok(()) };
        if !said.counted || said.phase != MovesPhase::Resting {
            return Ok(());
        }
        if let Some(site) = view.site(old)? {
            if !site.is_draining() {
                // Cut between the two when it was asked for, or undone since.
                self.propose(Command::SiteDrain(SiteDrain { site: old, on: true })).await?;
                return Ok(());
            }
            let here = said.sites.get(&old).copied().unwrap_or_default();
            if here.leaves.slots + here.stays.slots > 0 || !self.site_leave(old).await? {
                return Ok(());
            }
        } else if said.waiting > 0 || !self.shared.repairs.lock().is_empty() {
            return Ok(());
        }
        tracing::info!(site = %old, "the site was replaced");
        let name = Job::site_replacement();
        self.propose(Command::JobSet { name, state: None }).await?;
        Ok(())
    }

    /// Takes an emptied site off the map; whether nothing lay there.
    async fn site_leave(&self, site: SiteId) -> Result<bool, StewardError> {
        let rows = SITE_REMOVE_ROWS_MAX;
        loop {
            let remove = Command::SiteRemove(SiteRemove { site, lost: false, rows });
            match self.propose(remove).await {
                Ok(Success::SiteRemove { finished: false }) => {}
                Ok(_) => return Ok(true),
                // What was deleted a moment ago, or came a moment ago.
                Err(StewardError::Propose(ProposeError::Refused(Refusal::SiteInUse {
                    ..
                }))) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use catalog::{Command, MemoryRows, Stamped, apply};
    use units::Timestamp;

    use super::*;

    #[test]
    fn a_replacement_is_read_as_it_was_written() {
        let asked = Replacement { old: SiteId::from_u128(1), new: SiteId::from_u128(2) };
        let mut rows = MemoryRows::default();
        let mut set = |state| {
            let command = Command::JobSet { name: Job::site_replacement(), state };
            let stamped = Stamped { at: Timestamp::EPOCH, command };
            let applied = apply(&rows, &[stamped]).expect("rows in memory");
            rows.commit(applied.batch);
            Replacement::of(&View::new(Arc::new(rows.clone()))).expect("rows in memory")
        };
        assert_eq!(set(Some(asked.encode())), Some(asked));
        assert_eq!(set(Some(SealedBytes::new(vec![9, 9]))), None, "of a later version");
        assert_eq!(set(None), None);
    }
}
