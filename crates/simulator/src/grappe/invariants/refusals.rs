//! A write that is refused for want of a place says by which rule, and which sites are
//! missing.

use anyhow::{Result, ensure};

use crate::grappe::rules::WORDS;

/// Whether the words of a refusal name a rule or the state that keeps a site away, and the
/// sites it keeps away.
pub(crate) fn names_its_cause(reason: &str) -> Result<()> {
    let causes = [
        WORDS,
        "being emptied",
        "min_distance_km",
        "distinct",
        "survive",
        "does not answer",
        "takes writes",
        "free",
        "the sites changed",
    ];
    let names_cause = causes.iter().any(|cause| reason.contains(cause));
    let names_site = reason.contains("site-") || reason.contains("sites change");
    ensure!(names_cause && names_site, "a refusal that names no rule or no site: {reason:?}");
    Ok(())
}
