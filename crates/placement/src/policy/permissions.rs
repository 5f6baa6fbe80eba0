//! Which sites may do what: the Cedar half of a policy.
//!
//! **Invariants**
//! - A text that was read is valid in the strict mode of the schema `site.cedarschema`.
//! - Every error of an evaluation denies: Cedar itself would pass over a `forbid` that
//!   fails, and permit.
//! - A `permit` names its actions: there is no blanket one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Context, Decision, Effect, Entities, Entity,
    EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, Request, RestrictedExpression,
    Schema, ValidationMode, Validator,
};
use miette::Diagnostic;
use units::Timestamp;

use super::verdict::{Action, EvaluationError, RuleLabel, RuleName, Subject, Verdict};
use crate::SiteEntry;
use crate::document::{LineNumber, Reason};
use crate::limits::CEDAR_POLICIES_MAX;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let schema = Schema::from_cedarschema_str(include_str!("site.cedarschema"));
    #[expect(clippy::expect_used, reason = "a text of our own, read by every test of this crate")]
    let (schema, _) = schema.expect("the schema is well-formed");
    schema
});

/// A Cedar text, read and valid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Permissions {
    policies: PolicySet,
    /// Those that go by what a site states.
    asks_stated: BTreeSet<PolicyId>,
}

/// What is wrong with a Cedar text, and in which of its lines.
pub(super) type CedarFault = (LineNumber, Reason);

impl Permissions {
    /// Reads a Cedar text; everything that is wrong with it, if something is.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<CedarFault>> {
        let policies: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
            errors.iter().map(|error| fault(text, error)).collect::<Vec<_>>()
        })?;
        let mut faults = Vec::new();
        let first = LineNumber::of(text, 0);
        if policies.templates().next().is_some() {
            let reason = Reason {
                french: "pas de modèle ici\u{a0}: ?principal et ?resource n'ont pas de valeur"
                    .to_owned(),
                english: "expected no template: ?principal and ?resource have no value here"
                    .to_owned(),
            };
            faults.push((first, reason));
        }
        let count = policies.num_of_policies();
        if count > CEDAR_POLICIES_MAX {
            let reason = Reason::expected(
                &format!("au plus {CEDAR_POLICIES_MAX} règles, et non {count}"),
                &format!("at most {CEDAR_POLICIES_MAX} policies, not {count}"),
            );
            faults.push((first, reason));
        }
        for policy in policies.policies() {
            let is_blanket = policy.action_constraint() == ActionConstraint::Any;
            if policy.effect() == Effect::Permit && is_blanket {
                let label = label(&policies, policy.id());
                let (nom, name) = match label.name {
                    RuleName::Given(name) => (format!("«\u{a0}{name}\u{a0}»"), format!("“{name}”")),
                    RuleName::Number(at) => (format!("n°\u{a0}{at}"), format!("number {at}")),
                };
                let reason = Reason {
                    french: format!(
                        "le permit {nom} vaut pour toute action\u{a0}; il faut les actions pour \
                         lesquelles il vaut, comme action == Action::\"store\""
                    ),
                    english: format!(
                        "the permit {name} is for every action; expected the actions it is for, \
                         as in action == Action::\"store\""
                    ),
                };
                faults.push((first, reason));
            }
        }
        let result = Validator::new(SCHEMA.clone()).validate(&policies, ValidationMode::Strict);
        faults.extend(result.validation_errors().map(|error| fault(text, error)));
        // A warning is a rule that never applies, or a text that looks like another.
        faults.extend(result.validation_warnings().map(|warning| fault(text, warning)));
        if !faults.is_empty() {
            return Err(faults);
        }
        let asking = policies.policies().filter(|policy| {
            // What cannot be looked into is taken to ask for everything.
            policy.to_json().map_or(true, |text| asks_stated(&text))
        });
        let asks_stated = asking.map(|policy| policy.id().clone()).collect();
        Ok(Self { policies, asks_stated })
    }

    /// What it says to one action with somebody's data at each of these sites now. What
    /// cannot be asked is denied at all of them.
    pub(super) fn verdicts(
        &self,
        action: Action,
        subject: Subject<'_>,
        sites: &[&SiteEntry],
        now: Timestamp,
    ) -> Vec<Verdict> {
        match questions(action, subject, sites, now) {
            Ok((requests, entities)) => {
                let asked = requests.iter().zip(sites);
                asked
                    .map(|(request, site)| match self.unstated(action, site) {
                        Some(verdict) => verdict,
                        None => self.answer(action, request, &entities),
                    })
                    .collect()
            }
            Err(error) => {
                let error = EvaluationError(error.to_string());
                vec![Verdict::Failed { rules: Vec::new(), error }; sites.len()]
            }
        }
    }

    fn answer(&self, action: Action, request: &Request, entities: &Entities) -> Verdict {
        let response = Authorizer::new().is_authorized(request, &self.policies, entities);
        let diagnostics = response.diagnostics();
        let labels = |ids: Vec<&PolicyId>| {
            let mut labels: Vec<_> = ids.iter().map(|id| label(&self.policies, id)).collect();
            labels.sort();
            labels
        };
        let error = diagnostics.errors().next();
        if let Some(error) = error.filter(|_| !units::planted::is_on("placement-error-permits")) {
            let failed = diagnostics.errors().map(|error| match error {
                AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
            });
            let error = EvaluationError(error.to_string());
            return Verdict::Failed { rules: labels(failed.collect()), error };
        }
        let reasons: Vec<_> = diagnostics.reason().collect();
        match response.decision() {
            Decision::Allow => Verdict::Permitted,
            Decision::Deny if reasons.is_empty() => {
                Verdict::NotPermitted { rules: labels(self.permits(action)) }
            }
            Decision::Deny => Verdict::Forbidden { rules: labels(reasons) },
        }
    }

    /// The rules that permit an action somewhere to somebody.
    fn permits(&self, action: Action) -> Vec<&PolicyId> {
        let permits = self.about(action).filter(|policy| policy.effect() == Effect::Permit);
        permits.map(cedar_policy::Policy::id).collect()
    }

    /// The rules that say something of an action.
    fn about(&self, action: Action) -> impl Iterator<Item = &cedar_policy::Policy> {
        let is_it = move |uid: &EntityUid| uid.id().unescaped() == action.as_str();
        self.policies.policies().filter(move |policy| match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => is_it(&uid),
            ActionConstraint::In(uids) => uids.iter().any(is_it),
        })
    }

    /// What is said of a site that has stated nothing, if a rule asks for what it has not
    /// stated: one that would forbid by it must not pass it over.
    fn unstated(&self, action: Action, site: &SiteEntry) -> Option<Verdict> {
        if !site.facts.statement.is_unstated() {
            return None;
        }
        let asking = self.about(action).filter(|policy| self.asks_stated.contains(policy.id()));
        let mut rules: Vec<_> = asking.map(|policy| label(&self.policies, policy.id())).collect();
        rules.sort();
        (!rules.is_empty()).then_some(Verdict::NotStated { rules })
    }
}

/// Attributes that the cluster knows by itself; a site states all others.
const NOT_STATED: [&str; 2] = ["name", "has_key"];

/// Whether a rule, in the JSON form of Cedar, looks at an attribute that sites state.
fn asks_stated(rule: &serde_json::Value) -> bool {
    use serde_json::Value;
    match rule {
        Value::Object(fields) => {
            let attribute = fields.get("attr").and_then(Value::as_str);
            attribute.is_some_and(|name| !NOT_STATED.contains(&name))
                || fields.values().any(asks_stated)
        }
        Value::Array(items) => items.iter().any(asks_stated),
        _ => false,
    }
}

/// A fault of a Cedar text with its line, and Cedar's advice if it has some, in the words
/// of Cedar: they are English.
fn fault(text: &str, error: &dyn Diagnostic) -> CedarFault {
    let label = error.labels().and_then(|mut labels| labels.next());
    let line = LineNumber::of(text, label.map_or(0, |label| label.offset()));
    let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
    let said = format!("{error}{help}");
    (line, Reason { french: format!("Cedar\u{a0}: {said}"), english: said })
}

/// What people call a policy of the set.
fn label(policies: &PolicySet, id: &PolicyId) -> RuleLabel {
    let said = |key| policies.annotation(id, key).filter(|said| !said.is_empty());
    // The parser names them policy0, policy1, … in the order of the text.
    let text: &str = id.as_ref();
    let number = text.strip_prefix("policy").and_then(|number| number.parse::<usize>().ok());
    let name = match said("id") {
        Some(name) => RuleName::Given(name.to_owned()),
        None => RuleName::Number(number.unwrap_or_default().saturating_add(1)),
    };
    RuleLabel {
        name,
        french: said("fr").map(str::to_owned),
        english: said("en").map(str::to_owned),
    }
}

/// Every error of putting a question to Cedar, in one type: all of them deny.
type QuestionError = Box<dyn core::error::Error>;

fn uid(kind: &str, id: &str) -> Result<EntityUid, QuestionError> {
    let kind: EntityTypeName = kind.parse()?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// One request for each site, and all that they are about.
fn questions(
    action: Action,
    subject: Subject<'_>,
    sites: &[&SiteEntry],
    now: Timestamp,
) -> Result<(Vec<Request>, Entities), QuestionError> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let named = |name: &str| HashMap::from([("name".to_owned(), text(name))]);
    let tenant = uid("Tenant", subject.tenant)?;
    let mut entities = vec![Entity::new(tenant.clone(), named(subject.tenant), HashSet::new())?];
    let mut principal = tenant.clone();
    if let Some(bucket) = subject.bucket {
        principal = uid("Bucket", bucket)?;
        entities.push(Entity::new(principal.clone(), named(bucket), HashSet::from([tenant]))?);
    }
    let action = uid("Action", action.as_str())?;
    let mut requests = Vec::with_capacity(sites.len());
    for site in sites {
        let resource = uid("Site", &site.id().to_string())?;
        entities.push(Entity::new(resource.clone(), attributes(site, now), HashSet::new())?);
        let (principal, action) = (principal.clone(), action.clone());
        let request = Request::new(principal, action, resource, Context::empty(), Some(&SCHEMA))?;
        requests.push(request);
    }
    Ok((requests, Entities::from_entities(entities, Some(&SCHEMA))?))
}

/// What a site is to a policy at an instant: certificates that do not hold are not there.
fn attributes(site: &SiteEntry, now: Timestamp) -> HashMap<String, RestrictedExpression> {
    let said = &site.facts.statement;
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let number = |micro: i32| RestrictedExpression::new_long(i64::from(micro));
    let held = said.certifications.iter().filter(|held| held.holds_at(now));
    let held = held.map(|held| text(held.name.as_str()));
    let operator = &said.operator;
    let mut attributes = vec![
        ("name", text(said.name.as_str())),
        ("country", text(said.country.as_str())),
        ("in_eu", RestrictedExpression::new_bool(said.country.is_in_european_union())),
        ("commune", text(said.commune.as_str())),
        ("departement", text(said.departement.as_str())),
        ("operator", text(operator.name.as_str())),
        ("control_country", text(operator.control_country.as_str())),
        (
            "control_in_eu",
            RestrictedExpression::new_bool(operator.control_country.is_in_european_union()),
        ),
        ("certifications", RestrictedExpression::new_set(held)),
        ("hosting", text(said.hosting.as_str())),
        ("latitude", number(said.position.latitude())),
        ("longitude", number(said.position.longitude())),
        ("has_key", RestrictedExpression::new_bool(site.has_key)),
    ];
    attributes.extend(operator.siren.as_ref().map(|siren| ("siren", text(siren.as_str()))));
    attributes.extend(said.energy.as_ref().map(|energy| ("energy", text(energy.as_str()))));
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
