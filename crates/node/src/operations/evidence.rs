//! What sites have proven to keep, as the catalog has it.

use std::collections::BTreeMap;

use admin::Fault;
use admin::model::{NodeEvidence, NotReadyReason, SiteCustody, SiteEvidence, date_text};
use catalog::{Custody, CustodyProof, CustodyVerdict};
use steward::custody_accuses;
use units::{SiteId, Timestamp};

use super::sites::unknown;
use super::{SiteOperations, unread};
use crate::custody::proof_model;
use crate::limits::{CUSTODY_SILENT_MAX, CUSTODY_TOLD};

/// What of it concerns the operator.
const COMPONENT: &str = "custody";

impl SiteOperations {
    /// What is kept of each site, in a few words.
    pub(super) fn custodies(&self) -> Result<BTreeMap<SiteId, SiteCustody>, Fault> {
        let mut sites = BTreeMap::<SiteId, Vec<Custody>>::new();
        for kept in self.view().custodies().map_err(|error| unread(&error))? {
            sites.entry(kept.site).or_default().push(kept);
        }
        Ok(sites.into_iter().map(|(site, nodes)| (site, in_words(&nodes))).collect())
    }

    /// All that is kept of a site, also of one that has left, by its id.
    pub(super) fn evidence_of(&self, name: &str) -> Result<SiteEvidence, Fault> {
        let all = self.view().custodies().map_err(|error| unread(&error))?;
        let site = match self.site_named(name) {
            Ok(site) => site,
            Err(error) => {
                let begins = |kept: &&Custody| kept.site.to_string() == name;
                all.iter().find(begins).map(|kept| kept.site).ok_or(error)?
            }
        };
        let row = self.map()?.site(site).map(|row| row.name.to_string());
        if row.is_none() && !all.iter().any(|kept| kept.site == site) {
            return Err(unknown(name));
        }
        let node = |kept: &Custody| NodeEvidence {
            node: kept.node.to_string(),
            since: date_text(kept.since),
            held: kept.held,
            failed: kept.failed,
            silent: kept.silent,
            last: kept.last.as_ref().map(proof_model),
            failures: kept.failures.iter().map(proof_model).collect(),
        };
        let nodes = all.iter().filter(|kept| kept.site == site).map(node).collect();
        Ok(SiteEvidence { site: site.to_string(), name: row, nodes })
    }

    /// Sites that were caught lately, and those that do not answer challenges.
    pub(super) fn custody_reasons(&self) -> Vec<NotReadyReason> {
        // A catalog that cannot be read is told elsewhere.
        let (Ok(all), Ok(map)) = (self.view().custodies(), self.map()) else { return Vec::new() };
        let name = |kept: &Custody| match map.site(kept.site) {
            Some(site) => site.name.to_string(),
            None => kept.site.to_string(),
        };
        all.iter().filter_map(|kept| reason(kept, &name(kept), self.clock.now())).collect()
    }
}

fn in_words(nodes: &[Custody]) -> SiteCustody {
    let newest = |proofs: &mut dyn Iterator<Item = &CustodyProof>| {
        proofs.map(|proof| proof.asked).max().map(date_text)
    };
    let failures = || nodes.iter().flat_map(|kept| &kept.failures);
    SiteCustody {
        held: nodes.iter().map(|kept| kept.held).fold(0, u64::saturating_add),
        failed: nodes.iter().map(|kept| kept.failed).fold(0, u64::saturating_add),
        accused: failures().filter(|proof| custody_accuses(proof)).count() as u64,
        silent: nodes.iter().map(|kept| kept.silent).max().unwrap_or(0),
        last_held: newest(&mut nodes.iter().filter_map(|kept| kept.last.as_ref())),
        last_failed: newest(&mut failures()),
    }
}

/// What an operator is told of a node, if anything.
fn reason(kept: &Custody, site: &str, now: Timestamp) -> Option<NotReadyReason> {
    let lately = |proof: &&CustodyProof| now.since(proof.asked) < CUSTODY_TOLD;
    let lately: Vec<&CustodyProof> = kept.failures.iter().filter(lately).collect();
    let wrong = lately.iter().filter(|proof| custody_accuses(proof)).count();
    let reason = if wrong > 0 {
        let forged = lately.iter().filter(|proof| proof.verdict == CustodyVerdict::Forged).count();
        let unsigned = if forged > 0 { " or not signed by it" } else { "" };
        format!(
            "{site} was asked for what it keeps, and {wrong} of its answers within a week were \
             wrong{unsigned}; what it lacked is rebuilt. Look at the evidence: essaim site \
             evidence {site}; and ask who runs it"
        )
    } else if kept.silent >= CUSTODY_SILENT_MAX {
        format!(
            "{site} answers, but not when it is asked to prove what it keeps ({} times); update it \
             if it is of an older version, else ask who runs it",
            kept.silent
        )
    } else {
        return None;
    };
    Some(NotReadyReason { component: COMPONENT.to_owned(), reason })
}
