//! Nothing is stamped ahead of the time as it is, whatever clock is off.

use core::time::Duration;

use anyhow::{Result, ensure};
use units::Clock as _;

use crate::grappe::grappe::Grappe;

/// What clocks that are right, asked over slow lines, may differ by.
const MOST: Duration = Duration::from_mins(1);

/// What any machine that is up has applied.
pub(crate) fn stamps_not_ahead(grappe: &Grappe) -> Result<()> {
    let now = grappe.around.clock.now();
    for (number, process) in grappe.up() {
        let status = process.consensus.status();
        let ahead = process.consensus.stamped().since(now);
        ensure!(
            ahead < MOST,
            "entry {} or one before it is stamped {} s ahead, at {number}; {:?} vote",
            status.applied.get(),
            ahead.as_secs(),
            status.voters,
        );
    }
    Ok(())
}
