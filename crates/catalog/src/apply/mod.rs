//! `apply`: the commands of one log entry, in order, to a batch and outcomes.

use crate::command::Stamped;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::rows::{Batch, Rows, RowsError};

/// What one log entry did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The rows to write, all or none.
    pub batch: Batch,
    /// One outcome per command, in order.
    pub outcomes: Vec<Outcome>,
}

/// Applies the commands of one log entry over the rows.
///
/// Fails only if the rows cannot be read at all; a damaged row refuses the
/// command that needs it.
pub fn apply(rows: &dyn Rows, commands: &[Stamped]) -> Result<Applied, RowsError> {
    let _ = rows;
    let outcomes =
        commands.iter().map(|_| Err(Refusal::Damaged { kind: "not served yet".to_owned() }));
    Ok(Applied { batch: Batch::default(), outcomes: outcomes.collect() })
}
