//! No fragment ever came to lie where the policy in force forbade it.

use anyhow::{Result, ensure};

use crate::grappe::grappe::Grappe;

/// Of everything so far, in the order of the log.
pub(crate) fn policies_kept(grappe: &Grappe) -> Result<()> {
    let violations = grappe.around.judge.violations();
    ensure!(violations.is_empty(), "policies were violated: {violations:#?}");
    Ok(())
}
