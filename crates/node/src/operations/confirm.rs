//! What waits for an operator's word, and what the word does.

use admin::model::{Matter, Unconfirmed, date_text};
use admin::{Fault, FaultKind};

use super::SiteOperations;
use crate::trouble::chain;

impl SiteOperations {
    /// What is held back until an operator has said something.
    pub(super) fn unconfirmed(&self) -> Vec<Unconfirmed> {
        let mut waiting = Vec::new();
        if let Some(ahead) = self.consensus.clock_trouble() {
            waiting.push(Unconfirmed {
                matter: Matter::Clock,
                reason: format!(
                    "the clock says {}, and {} is about what it should say: nothing is written, \
                     since locks and retention are judged by it. Set it right, or say that it is",
                    date_text(ahead.now),
                    date_text(ahead.expected)
                ),
                command: "essaim confirm clock".to_owned(),
            });
        }
        // A catalog that cannot be read is told elsewhere.
        if let Ok(Some(taken)) = self.scrub.hands().restored_from() {
            waiting.push(Unconfirmed {
                matter: Matter::Restore,
                reason: format!(
                    "the catalog was put back from a backup of {}: what is on the disks and \
                     unknown to it is kept. A newer backup could still be restored; once that \
                     is not wanted any more, say so, and the room is given back",
                    date_text(taken)
                ),
                command: "essaim confirm restore".to_owned(),
            });
        }
        waiting
    }

    pub(super) async fn take_word(&self, matter: Matter) -> Result<(), Fault> {
        match matter {
            Matter::Clock => {
                self.consensus.clock_confirm();
                tracing::warn!(now = %date_text(self.clock.now()), "an operator says that the clock is right");
                Ok(())
            }
            Matter::Restore => {
                let done = self.scrub.hands().restore_confirm().await;
                done.map_err(|error| {
                    let what_to_do = "see essaim status; it can be tried again";
                    Fault::new(FaultKind::Unavailable, chain(&error), what_to_do)
                })
            }
        }
    }
}
