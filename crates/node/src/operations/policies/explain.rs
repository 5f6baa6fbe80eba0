//! What the policy of a bucket says of each site, and of an object.

use std::collections::BTreeMap;

use admin::Fault;
use admin::model::{PolicyExplainAsk, PolicyExplanation, PolicyObject, PolicySite};
use catalog::{Content, Found, ObjectKey, PartReference, VersionAsk, View};
use placement::refusal::{Refusal, Refused};
use placement::{Candidates, Geometry, Guarantee, Language, Policy, SiteEntry, SiteMap, guarantee};
use units::{PartNumber, SiteId};

use super::{guarantee_model, in_force, unread};
use crate::limits::{DRIFTS_TOLD_MAX, POLICY_EXAMPLE_BYTES, WHERE_ROWS};
use crate::operations::SiteOperations;

impl SiteOperations {
    pub(in crate::operations) fn explain_policy(
        &self,
        ask: &PolicyExplainAsk,
        language: Language,
    ) -> Result<PolicyExplanation, Fault> {
        let whose = self.whose_bucket(&ask.bucket)?;
        let view = self.view();
        let map = self.placement_map()?;
        let in_force = in_force(&view, &whose)?;
        // What cannot be read permits nothing, and says why.
        let policy = Policy::parse(in_force.text()).map_err(|error| {
            let told = error.explain(language);
            Fault::conflict(
                language.pick(
                    format!("la politique en vigueur ne se lit pas\u{a0}:\n{told}"),
                    format!("the policy in force cannot be read:\n{told}"),
                ),
                "essaim policy set",
            )
        })?;
        let candidates = Candidates::survey(&map, &policy, whose.subject(), self.clock.now());
        let planned = candidates.plan(&map, POLICY_EXAMPLE_BYTES, &*self.random);
        let chosen: Vec<SiteId> =
            planned.iter().flat_map(|plan| &plan.slots).map(|slot| slot.site).collect();
        let refused = refused(&candidates, planned.as_ref().err());
        let site = |entry: &SiteEntry| site(entry, &refused, &chosen, language);
        let mut sites: Vec<PolicySite> = map.sites().iter().map(site).collect();
        sites.sort_by(|one, other| one.site.cmp(&other.site));
        let object = match &ask.key {
            Some(key) => Some(self.explain_object(&view, &map, &candidates, ask, key, language)?),
            None => None,
        };
        Ok(PolicyExplanation {
            bucket: ask.bucket.clone(),
            source: in_force.source,
            of: in_force.of,
            sites,
            guarantee: planned.as_ref().ok().map(|plan| guarantee_model(&map, plan, language)),
            refusal: planned.err().map(|refusal| refusal.explain(language)),
            object,
        })
    }

    fn explain_object(
        &self,
        view: &View,
        map: &SiteMap,
        candidates: &Candidates,
        ask: &PolicyExplainAsk,
        key: &str,
        language: Language,
    ) -> Result<PolicyObject, Fault> {
        let missing = || Fault::not_found("object", key, "an S3 client");
        let bucket = self.bucket_row(&ask.bucket)?;
        let name = ObjectKey::new(key).map_err(|_| missing())?;
        let found = view.object(bucket.id, &name, VersionAsk::Current);
        let Found::Object(object) = found.map_err(|error| unread(&error))? else {
            return Err(missing());
        };
        let mut told = ObjectTold { map, candidates, language, drifts: Vec::new(), least: None };
        match &object.detail.content {
            // In the catalog, at each site that keeps that: no policy of fragments is asked.
            Content::Empty | Content::Inline { .. } => {}
            Content::Part(part) => told.part(view, part)?,
            Content::Manifest { .. } => {
                let mut after = PartNumber::new(0);
                loop {
                    let page = view.manifest_parts(object.detail.reference, after, WHERE_ROWS);
                    let page = page.map_err(|error| unread(&error))?;
                    let Some(last) = page.last() else { break };
                    after = last.number;
                    page.iter().try_for_each(|part| told.part(view, part))?;
                }
            }
        }
        Ok(PolicyObject {
            key: key.to_owned(),
            drifts: told.drifts,
            words: told.least.as_ref().map(|least| least.explain(map, language)),
            sites_may_vanish: told.least.and_then(|least| Some(least.sites? as u64)),
        })
    }
}

/// What is found out of an object part by part.
struct ObjectTold<'a> {
    map: &'a SiteMap,
    candidates: &'a Candidates,
    language: Language,
    drifts: Vec<String>,
    least: Option<Guarantee>,
}

impl ObjectTold<'_> {
    fn part(&mut self, view: &View, part: &PartReference) -> Result<(), Fault> {
        let Some(row) = view.part(part.part).map_err(|error| unread(&error))? else {
            return Ok(());
        };
        let Some(geometry) = Geometry::new(row.data, row.parity) else { return Ok(()) };
        for drift in self.candidates.drifts(self.map, geometry, &row.slots) {
            let words = drift.explain(self.language);
            if self.drifts.len() < DRIFTS_TOLD_MAX && !self.drifts.contains(&words) {
                self.drifts.push(words);
            }
        }
        let found = guarantee(geometry, &row.slots, self.map);
        if self.least.as_ref().is_none_or(|least| found.sites < least.sites) {
            self.least = Some(found);
        }
        Ok(())
    }
}

/// Why sites do not come into question: for the policy, or for what is refused now.
fn refused(candidates: &Candidates, refusal: Option<&Refusal>) -> BTreeMap<SiteId, Refused> {
    let now: &[Refused] = match refusal {
        Some(Refusal::TooFew(few)) => &few.refused,
        Some(Refusal::NoSite { refused }) => refused,
        Some(Refusal::HomeRefused(refused)) => core::slice::from_ref(refused),
        _ => &[],
    };
    let all = now.iter().chain(candidates.refused());
    all.map(|refused| (refused.site.id, refused.clone())).collect()
}

fn site(
    entry: &SiteEntry,
    refused: &BTreeMap<SiteId, Refused>,
    chosen: &[SiteId],
    language: Language,
) -> PolicySite {
    let said = &entry.facts.statement;
    let is_stated = !said.is_unstated();
    let is_chosen = chosen.contains(&entry.id());
    let why = refused.get(&entry.id()).map(|refused| refused.why.explain(language));
    let room = entry.disks_healthy().any(|disk| disk.free >= POLICY_EXAMPLE_BYTES);
    let (french, english) = match (is_chosen, entry.reachable, room) {
        (true, ..) => (
            "un objet écrit maintenant y aurait un fragment",
            "an object that is written now would have a fragment there",
        ),
        (_, false, _) => {
            ("il convient, mais ne répond pas en ce moment", "it will do, but does not answer now")
        }
        (_, _, false) => ("il convient, mais n'a pas de place", "it will do, but has no room"),
        _ => ("il convient, et d'autres sites suffisent", "it will do, and other sites are enough"),
    };
    PolicySite {
        site: said.name.to_string(),
        commune: is_stated.then(|| said.commune_shown()),
        operator: is_stated.then(|| said.operator.name.to_string()),
        is_admitted: why.is_none(),
        is_chosen,
        words: why.unwrap_or_else(|| language.pick(french, english).to_owned()),
    }
}
