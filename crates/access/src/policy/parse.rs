//! Reading a policy document, strictly.

use super::PolicyError;
use super::condition::Condition;
use super::json::Json;
use super::principal::Principals;
use super::statement::{Actions, Resources, Statement};
use crate::limits::{POLICY_BYTES_MAX, POLICY_VALUES_MAX, STATEMENTS_MAX};
use crate::wildcard::Pattern;
use crate::{Action, Level};

const ARN: &str = "arn:aws:s3:::";

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

/// Reads the statements of a policy for one bucket.
pub(super) fn statements(document: &str, bucket: &str) -> Result<Vec<Statement>, PolicyError> {
    if document.len() > POLICY_BYTES_MAX {
        return Err(PolicyError::TooLarge);
    }
    let not_json = |reason: String| PolicyError::NotJson { reason };
    let Json::Object(fields) = Json::parse(document).map_err(not_json)? else {
        return Err(not_json("not an object".to_owned()));
    };
    let mut variables = false;
    let mut list = None;
    for (name, value) in &fields {
        match name.as_str() {
            "Version" => {
                variables = match value.as_str() {
                    Some("2012-10-17") => true,
                    Some("2008-10-17") => false,
                    _ => return Err(PolicyError::Version),
                }
            }
            "Id" if value.as_str().is_some() => {}
            "Id" => return Err(PolicyError::InvalidField { field: "Id" }),
            "Statement" => list = Some(value),
            other => return Err(PolicyError::UnknownField { field: other.to_owned() }),
        }
    }
    let list = match list {
        Some(Json::Array(list)) => list.as_slice(),
        Some(one @ Json::Object(_)) => core::slice::from_ref(one),
        Some(_) => return Err(PolicyError::InvalidField { field: "Statement" }),
        None => return Err(PolicyError::MissingField { field: "Statement" }),
    };
    if list.is_empty() {
        return Err(PolicyError::MissingField { field: "Statement" });
    }
    if list.len() > STATEMENTS_MAX {
        return Err(PolicyError::TooManyStatements);
    }
    let mut sids: Vec<&str> = Vec::new();
    let mut statements = Vec::with_capacity(list.len());
    for value in list {
        let fields = Fields::of(value)?;
        if let Some(sid) = fields.sid {
            if sids.contains(&sid) {
                return Err(PolicyError::DuplicateSid);
            }
            sids.push(sid);
        }
        statements.push(statement(&fields, bucket, variables)?);
    }
    Ok(statements)
}

/// The fields of a statement, by name.
#[derive(Default)]
struct Fields<'a> {
    sid: Option<&'a str>,
    effect: Option<&'a Json>,
    principal: Option<(&'a Json, bool)>,
    action: Option<(&'a Json, bool)>,
    resource: Option<(&'a Json, bool)>,
    condition: Option<&'a Json>,
}

impl<'a> Fields<'a> {
    fn of(value: &'a Json) -> Result<Self, PolicyError> {
        let Json::Object(fields) = value else {
            return Err(PolicyError::InvalidField { field: "Statement" });
        };
        let mut found = Self::default();
        for (name, value) in fields {
            let (slot, negated, pair) = match name.as_str() {
                "Sid" => {
                    let invalid = PolicyError::InvalidField { field: "Sid" };
                    found.sid = Some(value.as_str().ok_or(invalid)?);
                    continue;
                }
                "Effect" => {
                    found.effect = Some(value);
                    continue;
                }
                "Condition" => {
                    found.condition = Some(value);
                    continue;
                }
                "Principal" => (&mut found.principal, false, ("Principal", "NotPrincipal")),
                "NotPrincipal" => (&mut found.principal, true, ("Principal", "NotPrincipal")),
                "Action" => (&mut found.action, false, ("Action", "NotAction")),
                "NotAction" => (&mut found.action, true, ("Action", "NotAction")),
                "Resource" => (&mut found.resource, false, ("Resource", "NotResource")),
                "NotResource" => (&mut found.resource, true, ("Resource", "NotResource")),
                other => return Err(PolicyError::UnknownField { field: other.to_owned() }),
            };
            if slot.is_some() {
                return Err(PolicyError::Both { one: pair.0, other: pair.1 });
            }
            *slot = Some((value, negated));
        }
        Ok(found)
    }
}

fn statement(fields: &Fields<'_>, bucket: &str, variables: bool) -> Result<Statement, PolicyError> {
    let missing = |field| PolicyError::MissingField { field };
    let effect = match fields.effect.ok_or(missing("Effect"))? {
        Json::String(text) if text == "Allow" => Effect::Allow,
        Json::String(text) if text == "Deny" => Effect::Deny,
        Json::String(text) => return Err(PolicyError::Effect { effect: text.clone() }),
        _ => return Err(PolicyError::InvalidField { field: "Effect" }),
    };
    let (principal, negated) = fields.principal.ok_or(missing("Principal"))?;
    if negated && effect == Effect::Allow {
        return Err(PolicyError::AllowNotPrincipal);
    }
    let principals = Principals::parse(principal, negated)?;
    let (action, negated) = fields.action.ok_or(missing("Action"))?;
    let (patterns, covered) = actions(action)?;
    let actions = Actions { negated, patterns };
    let (resource, negated) = fields.resource.ok_or(missing("Resource"))?;
    let (patterns, reach) = resources(resource, bucket, variables)?;
    let resources = Resources { negated, patterns };
    let plain = !actions.negated && !resources.negated;
    if plain && !covered.iter().any(|level| reach.allows(*level)) {
        return Err(PolicyError::ActionResource);
    }
    let conditions = match fields.condition {
        Some(value) => Condition::parse_all(value, variables)?,
        None => Vec::new(),
    };
    Ok(Statement { effect, principals, actions, resources, conditions })
}

/// One text or a list of them.
fn texts<'a>(value: &'a Json, field: &'static str) -> Result<Vec<&'a str>, PolicyError> {
    let invalid = || PolicyError::InvalidField { field };
    let list = match value {
        Json::Array(list) => list.as_slice(),
        one => core::slice::from_ref(one),
    };
    if list.is_empty() || list.len() > POLICY_VALUES_MAX {
        return Err(invalid());
    }
    list.iter().map(|value| value.as_str().ok_or_else(invalid)).collect()
}

/// The patterns of actions, and the levels of the actions that they cover.
fn actions(value: &Json) -> Result<(Vec<Pattern>, Vec<Level>), PolicyError> {
    let mut patterns = Vec::new();
    let mut levels = Vec::new();
    for text in texts(value, "Action")? {
        let pattern = Pattern::plain(&text.to_lowercase());
        let covered: Vec<Level> = Action::ALL
            .iter()
            .filter(|action| pattern.matches(&action.name().to_lowercase()))
            .map(|action| action.level())
            .collect();
        let vendor = text == "*" || text.get(..3).is_some_and(|s| s.eq_ignore_ascii_case("s3:"));
        if covered.is_empty() || !vendor {
            return Err(PolicyError::Action { action: text.to_owned() });
        }
        levels.extend(covered);
        patterns.push(pattern);
    }
    Ok((patterns, levels))
}

/// What kinds of resource the patterns of a statement can match.
#[derive(Default)]
struct Reach {
    bucket: bool,
    objects: bool,
}

impl Reach {
    fn allows(&self, level: Level) -> bool {
        match level {
            Level::Object => self.objects,
            Level::Bucket => self.bucket,
            Level::Service | Level::Node => false,
        }
    }
}

fn resources(
    value: &Json,
    bucket: &str,
    variables: bool,
) -> Result<(Vec<Pattern>, Reach), PolicyError> {
    let mut patterns = Vec::new();
    let mut reach = Reach::default();
    for text in texts(value, "Resource")? {
        let invalid = || PolicyError::Resource { resource: text.to_owned() };
        let path = text.strip_prefix(ARN).ok_or_else(invalid)?;
        let (name, key) = match path.split_once('/') {
            Some((name, key)) => (name, Some(key)),
            None => (path, None),
        };
        let open = name.ends_with('*');
        if name.contains('$') || key == Some("") || !Pattern::plain(name).matches(bucket) {
            // `mybuck*` without a slash reaches into the keys as well.
            return Err(invalid());
        }
        reach.objects |= key.is_some() || open;
        reach.bucket |= key.is_none();
        patterns.push(if variables {
            Pattern::with_variables(path).ok_or_else(invalid)?
        } else {
            Pattern::plain(path)
        });
    }
    Ok((patterns, reach))
}
