//! Placement policies: what is set, what it comes to on the sites there are, and why.
//!
//! **Invariant**: a policy is set on the version of the site map on which it was found to
//! be one that the sites can keep.

mod explain;

use std::collections::{BTreeMap, BTreeSet};

use admin::model::{
    PolicyCheck, PolicyCheckAsk, PolicyFault, PolicyGuarantee, PolicyListed, PolicyOf, PolicyShown,
    PolicySource, PolicyText, date_text,
};
use admin::{Fault, FaultKind};
use catalog::command::{BucketRef, Placed, PlacedCommand, PolicySet, PolicyTarget};
use catalog::{Command, PolicyScope, Refusal, View};
use consensus::ProposeError;
use placement::{
    Candidates, Language, Policy, PolicyError, SiteMap, SitePlacement, Subject, guarantee,
    satisfiable,
};
use units::{BucketId, SiteId};

use super::{SiteOperations, unproposed, unread};
use crate::limits::{
    POLICIES_LISTED_MAX, POLICY_EXAMPLE_BYTES, POLICY_SET_ATTEMPTS_MAX, WHERE_ROWS,
};

/// For whom a policy is, as the catalog has them now.
struct Whose {
    tenant: Option<catalog::Tenant>,
    bucket: Option<catalog::Bucket>,
}

impl Whose {
    /// What a policy that is set for this is set for.
    fn target(&self) -> PolicyTarget {
        match (&self.bucket, &self.tenant) {
            (Some(bucket), _) => {
                PolicyTarget::Bucket(BucketRef { name: bucket.name.clone(), id: bucket.id })
            }
            (None, Some(tenant)) => PolicyTarget::Tenant(tenant.id),
            (None, None) => PolicyTarget::Cluster,
        }
    }

    /// Where its policy is looked for, in this order.
    fn scopes(&self) -> Vec<PolicyScope> {
        let bucket = self.bucket.as_ref().map(|bucket| PolicyScope::Bucket(bucket.id));
        let tenant = self.tenant.as_ref().map(|tenant| PolicyScope::Tenant(tenant.id));
        bucket.into_iter().chain(tenant).chain([PolicyScope::Cluster]).collect()
    }

    /// How policies know it. A rule may ask for names: for the cluster there are none.
    fn subject(&self) -> Subject<'_> {
        Subject {
            tenant: self.tenant.as_ref().map_or("", |tenant| tenant.name.as_str()),
            bucket: self.bucket.as_ref().map(|bucket| bucket.name.as_str()),
        }
    }
}

/// The policy in force, and where it comes from.
struct InForce {
    source: PolicySource,
    of: Option<String>,
    row: Option<catalog::Policy>,
}

impl InForce {
    fn text(&self) -> &str {
        self.row.as_ref().map_or("", |row| row.text.as_str())
    }
}

impl SiteOperations {
    pub(super) fn list_policies(&self, language: Language) -> Result<Vec<PolicyListed>, Fault> {
        let view = self.view();
        let rows = view.policies(None, POLICIES_LISTED_MAX).map_err(|error| unread(&error))?;
        let map = self.placement_map()?;
        let wanted = rows.iter().filter_map(|(scope, _)| match scope {
            PolicyScope::Bucket(id) => Some(*id),
            PolicyScope::Tenant(_) | PolicyScope::Cluster => None,
        });
        let buckets = Self::buckets_of(&view, &wanted.collect())?;
        let mut listed = Vec::with_capacity(rows.len());
        for (scope, row) in rows {
            // What a policy was for may be going at this moment.
            let Some((source, of, whose)) = Self::whose_scope(&view, &buckets, scope)? else {
                continue;
            };
            let check = self.checked(&map, &row.text, whose.subject(), language);
            let set = date_text(row.set);
            let (is_satisfiable, words) = (check.is_satisfiable, check.words);
            listed.push(PolicyListed { source, of, set, is_satisfiable, words });
        }
        Ok(listed)
    }

    pub(super) fn check_policy(
        &self,
        ask: &PolicyCheckAsk,
        language: Language,
    ) -> Result<PolicyCheck, Fault> {
        let of = PolicyOf { tenant: ask.tenant.clone(), bucket: ask.bucket.clone() };
        let whose = self.whose(&of)?;
        let map = self.placement_map()?;
        Ok(self.checked(&map, &ask.policy, whose.subject(), language))
    }

    pub(super) async fn set_policy(
        &self,
        of: &PolicyOf,
        text: PolicyText,
        language: Language,
    ) -> Result<PolicyShown, Fault> {
        for _ in 0..POLICY_SET_ATTEMPTS_MAX {
            let whose = self.whose(of)?;
            let map = self.placement_map()?;
            let check = self.checked(&map, &text.policy, whose.subject(), language);
            if !check.faults.is_empty() {
                return Err(unread_document(&check.faults, language));
            }
            if check.is_satisfiable != Some(true) && !text.even_if_unsatisfiable {
                return Err(unsatisfiable(&check.words, language));
            }
            let set = PolicySet { target: whose.target(), text: Some(text.policy.clone()) };
            let command = PlacedCommand::PolicySet(set);
            let placed = Placed { epoch: map.epoch(), command };
            match self.consensus.propose(Command::Placed(Box::new(placed))).await {
                // Another map: whether its sites can keep the policy is to be asked anew.
                Err(ProposeError::Refused(Refusal::MapChanged { .. })) => {
                    // What cannot be made sure of now is refused by the next proposal.
                    let _ = self.consensus.catch_up().await;
                }
                done => {
                    done.map_err(|error| unproposed(&error))?;
                    return self.show_policy(of, language);
                }
            }
        }
        Err(Fault::new(
            FaultKind::Unavailable,
            "the sites change faster than a policy can be checked",
            "look at essaim site list, and try again",
        ))
    }

    pub(super) async fn remove_policy(
        &self,
        of: &PolicyOf,
        language: Language,
    ) -> Result<PolicyShown, Fault> {
        let whose = self.whose(of)?;
        let scope = whose.scopes().first().copied().unwrap_or(PolicyScope::Cluster);
        if self.view().policy(scope).map_err(|error| unread(&error))?.is_none() {
            let name = of.bucket.as_deref().or(of.tenant.as_deref()).unwrap_or("the cluster");
            return Err(Fault::not_found("policy of its own at", name, "essaim policy list"));
        }
        let set = PolicySet { target: whose.target(), text: None };
        let done = self.consensus.propose(Command::PolicySet(set)).await;
        done.map_err(|error| unproposed(&error))?;
        self.show_policy(of, language)
    }

    pub(super) fn show_policy(
        &self,
        of: &PolicyOf,
        language: Language,
    ) -> Result<PolicyShown, Fault> {
        let whose = self.whose(of)?;
        let view = self.view();
        let map = self.placement_map()?;
        let in_force = in_force(&view, &whose)?;
        let check = self.checked(&map, in_force.text(), whose.subject(), language);
        let (guarantee, refusal) = match Policy::parse(in_force.text()) {
            Ok(policy) => self.guaranteed(&map, &policy, whose.subject(), language),
            Err(error) => (None, Some(error.explain(language))),
        };
        Ok(PolicyShown {
            source: in_force.source,
            of: in_force.of,
            policy: in_force.row.as_ref().map(|row| row.text.clone()),
            number: in_force.row.as_ref().map(|row| row.number.get()),
            set: in_force.row.as_ref().map(|row| date_text(row.set)),
            check,
            guarantee,
            refusal,
        })
    }

    /// Who is meant.
    fn whose(&self, of: &PolicyOf) -> Result<Whose, Fault> {
        match (&of.tenant, &of.bucket) {
            (Some(_), Some(_)) => Err(Fault::invalid(
                "a policy is for a tenant or for a bucket, not for both",
                "name one of them: a bucket's tenant is known",
            )),
            (Some(name), None) => Ok(Whose { tenant: Some(self.tenant_row(name)?), bucket: None }),
            (None, Some(name)) => self.whose_bucket(name),
            (None, None) => Ok(Whose { tenant: None, bucket: None }),
        }
    }

    fn whose_bucket(&self, name: &str) -> Result<Whose, Fault> {
        let bucket = self.bucket_row(name)?;
        let tenant = self.view().tenant(bucket.tenant).map_err(|error| unread(&error))?;
        Ok(Whose { tenant, bucket: Some(bucket) })
    }

    /// Those of these buckets that are there: rows of buckets are kept by name.
    fn buckets_of(
        view: &View,
        wanted: &BTreeSet<BucketId>,
    ) -> Result<BTreeMap<BucketId, catalog::Bucket>, Fault> {
        let mut found = BTreeMap::new();
        let mut after = None;
        while found.len() < wanted.len() {
            let page = view.buckets(after.as_ref(), WHERE_ROWS).map_err(|error| unread(&error))?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            let meant = page.into_iter().filter(|bucket| wanted.contains(&bucket.id));
            found.extend(meant.map(|bucket| (bucket.id, bucket)));
        }
        Ok(found)
    }

    /// Who has a policy of this scope; none if it is gone.
    fn whose_scope(
        view: &View,
        buckets: &BTreeMap<BucketId, catalog::Bucket>,
        scope: PolicyScope,
    ) -> Result<Option<(PolicySource, Option<String>, Whose)>, Fault> {
        Ok(match scope {
            PolicyScope::Cluster => {
                Some((PolicySource::Cluster, None, Whose { tenant: None, bucket: None }))
            }
            PolicyScope::Tenant(id) => {
                let tenant = view.tenant(id).map_err(|error| unread(&error))?;
                tenant.map(|tenant| {
                    let name = Some(tenant.name.to_string());
                    (PolicySource::Tenant, name, Whose { tenant: Some(tenant), bucket: None })
                })
            }
            PolicyScope::Bucket(id) => match buckets.get(&id) {
                None => None,
                Some(bucket) => {
                    let tenant = view.tenant(bucket.tenant).map_err(|error| unread(&error))?;
                    let name = Some(bucket.name.to_string());
                    let whose = Whose { tenant, bucket: Some(bucket.clone()) };
                    Some((PolicySource::Bucket, name, whose))
                }
            },
        })
    }

    /// What a document comes to.
    fn checked(
        &self,
        map: &SiteMap,
        text: &str,
        subject: Subject<'_>,
        language: Language,
    ) -> PolicyCheck {
        let policy = match Policy::parse(text) {
            Ok(policy) => policy,
            Err(error) => {
                return PolicyCheck {
                    faults: faults(&error, language),
                    is_satisfiable: None,
                    words: error.explain(language),
                    code: None,
                    sites: Vec::new(),
                };
            }
        };
        let found = satisfiable(map, &policy, subject, self.clock.now());
        PolicyCheck {
            faults: Vec::new(),
            is_satisfiable: Some(found.is_ok()),
            words: match &found {
                Ok(example) => example.explain(map, language),
                Err(refusal) => refusal.explain(language),
            },
            code: found.as_ref().ok().and_then(|example| Some(example.geometry?.to_string())),
            sites: found.iter().flat_map(|example| names(map, &example.sites)).collect(),
        }
    }

    /// What is guaranteed for what is written now; or why nothing can be.
    fn guaranteed(
        &self,
        map: &SiteMap,
        policy: &Policy,
        subject: Subject<'_>,
        language: Language,
    ) -> (Option<PolicyGuarantee>, Option<String>) {
        let candidates = Candidates::survey(map, policy, subject, self.clock.now());
        match candidates.plan(map, POLICY_EXAMPLE_BYTES, &*self.random) {
            Ok(placement) => (Some(guarantee_model(map, &placement, language)), None),
            Err(refusal) => (None, Some(refusal.explain(language))),
        }
    }
}

fn in_force(view: &View, whose: &Whose) -> Result<InForce, Fault> {
    for scope in whose.scopes() {
        let Some(row) = view.policy(scope).map_err(|error| unread(&error))? else { continue };
        let (source, of) = match scope {
            PolicyScope::Cluster => (PolicySource::Cluster, None),
            PolicyScope::Tenant(_) => {
                let tenant = whose.tenant.as_ref().map(|tenant| tenant.name.to_string());
                (PolicySource::Tenant, tenant)
            }
            PolicyScope::Bucket(_) => {
                let bucket = whose.bucket.as_ref().map(|bucket| bucket.name.to_string());
                (PolicySource::Bucket, bucket)
            }
        };
        return Ok(InForce { source, of, row: Some(row) });
    }
    Ok(InForce { source: PolicySource::Default, of: None, row: None })
}

fn guarantee_model(
    map: &SiteMap,
    placement: &SitePlacement,
    language: Language,
) -> PolicyGuarantee {
    let found = guarantee(placement.geometry, &placement.disks(), map);
    let count = |count: Option<usize>| count.unwrap_or_default() as u64;
    let sites: Vec<SiteId> = placement.slots.iter().map(|slot| slot.site).collect();
    PolicyGuarantee {
        code: placement.geometry.to_string(),
        sites: names(map, &sites).collect(),
        sites_may_vanish: count(found.sites),
        communes_may_vanish: count(found.communes),
        operators_may_vanish: count(found.operators),
        disks_may_vanish: count(found.disks),
        words: found.explain(map, language),
    }
}

/// The names of sites, in their order.
fn names<'m>(map: &'m SiteMap, sites: &[SiteId]) -> impl Iterator<Item = String> + use<'m> {
    let sites = sites.to_vec();
    sites.into_iter().filter_map(|site| Some(map.site(site)?.facts.statement.name.to_string()))
}

fn faults(error: &PolicyError, language: Language) -> Vec<PolicyFault> {
    let fault = |fault: &placement::document::Fault| PolicyFault {
        line: u64::from(fault.line.get()),
        field: fault.field.clone(),
        reason: fault.reason.explain(language).to_owned(),
    };
    error.faults.iter().map(fault).collect()
}

fn unread_document(faults: &[PolicyFault], language: Language) -> Fault {
    let line = language.pick("ligne", "line");
    let colon = language.pick("\u{a0}:", ":");
    let told = faults.iter().map(|PolicyFault { line: at, field, reason }| {
        let field = if field.is_empty() { String::new() } else { format!("{field}{colon} ") };
        format!("{line} {at}{colon} {field}{reason}")
    });
    let told: Vec<String> = told.collect();
    Fault::invalid(
        language.pick(
            format!("la politique ne peut pas être prise\u{a0}:\n{}", told.join("\n")),
            format!("the policy cannot be taken:\n{}", told.join("\n")),
        ),
        language.pick(
            "corrigez-la et recommencez\u{a0}; rien n'a été changé",
            "mend it and try again; nothing was changed",
        ),
    )
}

fn unsatisfiable(why: &str, language: Language) -> Fault {
    Fault::conflict(
        language.pick(
            format!("les sites de la grappe ne peuvent pas tenir cette politique. {why}"),
            format!("the sites of the cluster cannot keep this policy. {why}"),
        ),
        language.pick(
            "rien n'a été changé\u{a0}; avec --even-if-unsatisfiable elle vaut quand même, et \
             rien ne s'écrit sous elle avant que les sites ne puissent la tenir",
            "nothing was changed; with --even-if-unsatisfiable it holds all the same, and \
             nothing is written under it before the sites can keep it",
        ),
    )
}
