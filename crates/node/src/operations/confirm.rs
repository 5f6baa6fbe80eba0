//! What waits for an operator's word, and what the word does.

use admin::model::{Confirmation, Matter, Unconfirmed, date_of, date_text};
use admin::{Fault, FaultKind};
use consensus::ClockConfirmError;

use super::SiteOperations;
use crate::trouble::chain;

impl SiteOperations {
    /// What is held back until an operator has said something.
    pub(super) fn unconfirmed(&self) -> Vec<Unconfirmed> {
        let mut waiting = Vec::new();
        if let Some(ahead) = self.consensus.clock_trouble() {
            let said = date_text(ahead.now);
            waiting.push(Unconfirmed {
                matter: Matter::Clock,
                reason: format!(
                    "the clock says {said}, and {} is about what it should say: nothing is written, \
                     since locks and retention are judged by it. Set it right, or say that it is",
                    date_text(ahead.expected)
                ),
                command: "essaim confirm clock".to_owned(),
                time: Some(said),
            });
        }
        // A catalog that cannot be read is told elsewhere.
        if let Ok(Some(taken)) = self.scrub.hands().restored_from() {
            waiting.push(Unconfirmed {
                matter: Matter::Restore,
                reason: format!(
                    "the catalog was put back from a backup of {}: what is on the disks and \
                     unknown to it is kept, and what erased tenants left. A newer backup could \
                     still be restored; once that is not wanted any more, say so, and the room \
                     is given back",
                    date_text(taken)
                ),
                command: "essaim confirm restore".to_owned(),
                time: None,
            });
        }
        waiting
    }

    pub(super) async fn take_word(&self, word: Confirmation) -> Result<(), Fault> {
        match word.matter {
            Matter::Clock => self.clock_word(word.time.as_deref()),
            Matter::Restore => self.restore_word().await,
        }
    }

    /// What was seen is what is confirmed: the clock may have jumped once more since.
    fn clock_word(&self, shown: Option<&str>) -> Result<(), Fault> {
        let what_to_do = "essaim confirm clock shows it and asks; or say what time it is, \
                          as 2026-11-22T12:00:00Z";
        let shown = shown.ok_or_else(|| {
            Fault::invalid("the time that the clock is confirmed to say is missing", what_to_do)
        })?;
        let shown = date_of(shown)
            .ok_or_else(|| Fault::invalid(format!("{shown:?} is not a time"), what_to_do))?;
        match self.consensus.clock_confirm(shown) {
            Ok(ahead) => {
                let (now, expected) = (date_text(ahead.now), date_text(ahead.expected));
                tracing::warn!(now, expected, "an operator says that the clock is right");
                Ok(())
            }
            Err(error @ ClockConfirmError::Believed) => Err(nothing_waits(&error.to_string())),
            Err(ClockConfirmError::Differs { now }) => {
                let (now, shown) = (date_text(now), date_text(shown));
                let message = format!("the clock says {now}, and {shown} was confirmed");
                let what_to_do = "look at it once more, and at another clock; see essaim status";
                Err(Fault::new(FaultKind::Conflict, message, what_to_do))
            }
        }
    }

    async fn restore_word(&self) -> Result<(), Fault> {
        let tell = |error: &dyn std::error::Error| {
            let what_to_do = "see essaim status; it can be tried again";
            Fault::new(FaultKind::Unavailable, chain(error), what_to_do)
        };
        let hands = self.scrub.hands();
        if hands.restored_from().map_err(|error| tell(&error))?.is_none() {
            return Err(nothing_waits("nothing waits: no restored catalog is held"));
        }
        hands.restore_confirm().await.map_err(|error| tell(&error))?;
        tracing::warn!("an operator says that nothing newer than the restored catalog is wanted");
        Ok(())
    }
}

fn nothing_waits(message: &str) -> Fault {
    Fault::new(FaultKind::Conflict, message, "essaim status shows what waits")
}
