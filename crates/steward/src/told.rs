//! What the catalog makes of a command that says where a part lies.
//!
//! Fragments are written before the catalog is told of them, and it may know better by then.
//! Whoever tells it takes a refusal of that kind as an outcome, not as a fault: what was
//! written is found there by the next attempt, or met by the sweep.

use catalog::{Command, Refusal};
use consensus::ProposeError;

use crate::{Steward, StewardError};

/// What the catalog made of where a part was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is there.
    Taken,
    /// The map is another by now: it is decided anew.
    Overtaken,
    /// The part is gone, lies elsewhere, or is cut otherwise.
    Gone,
}

impl Steward {
    /// Tells the catalog where a part lies now.
    ///
    /// # Errors
    /// Whatever says nothing about the part: the catalog took no command, or refused this one
    /// for another reason.
    pub(crate) async fn tell(&self, command: Command) -> Result<Told, StewardError> {
        match self.propose(command).await {
            Ok(_) => Ok(Told::Taken),
            Err(StewardError::Propose(ProposeError::Refused(refusal))) => {
                told(&refusal).ok_or_else(|| ProposeError::Refused(refusal).into())
            }
            Err(error) => Err(error),
        }
    }
}

/// The outcome that a refusal stands for; nothing if it is a fault.
const fn told(refusal: &Refusal) -> Option<Told> {
    match refusal {
        Refusal::MapChanged { .. }
        | Refusal::SiteDraining { .. }
        | Refusal::DiskUnknown { .. }
        | Refusal::DiskForgotten { .. } => Some(Told::Overtaken),
        Refusal::PartGone { .. } | Refusal::SlotMoved | Refusal::CopiesChanged => Some(Told::Gone),
        _ => None,
    }
}
