//! No site lies here, so none is accused, whatever failed: an answer that was kept is signed
//! by its node, and holds, or says of itself that something is missing or damaged.

use anyhow::{Result, ensure};
use catalog::CustodyVerdict;
use steward::{custody_accuses, custody_is_signed};

use crate::grappe::grappe::Grappe;

/// How many answers held, and how many told of damage.
pub(crate) fn nobody_accused(grappe: &Grappe) -> Result<(u64, u64)> {
    let (mut held, mut damaged) = (0, 0);
    for kept in grappe.newest()?.consensus.view().custodies()? {
        for proof in kept.failures.iter().chain(&kept.last) {
            ensure!(!custody_accuses(proof), "a site is accused that does not lie: {proof:?}");
            ensure!(custody_is_signed(proof), "an answer is kept that is not signed: {proof:?}");
        }
        let last = kept.last.map(|last| last.verdict);
        ensure!(last.is_none_or(|last| last == CustodyVerdict::Held), "{last:?}");
        held += kept.held;
        damaged += kept.failed;
    }
    Ok((held, damaged))
}
