//! Whom a statement is about.

use units::TenantId;

use super::PolicyError;
use super::json::Json;
use crate::limits::POLICY_VALUES_MAX;
use crate::{Caller, Identity};

/// One name of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `*`
    Everybody,
    /// An account, by id or name: all its users.
    Account(String),
    /// One user of an account.
    User { account: String, user: String },
    /// A service, a role, a federation: known to AWS, nobody here.
    Nobody,
}

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principals {
    pub negated: bool,
    pub who: Vec<Who>,
}

fn account_matches(account: &str, identity: &Identity) -> bool {
    account == identity.tenant_name || account.parse() == Ok(identity.tenant)
}

impl Who {
    fn matches(&self, caller: &Caller) -> bool {
        let identity = caller.identity();
        match self {
            Self::Everybody => true,
            Self::Nobody => false,
            Self::Account(account) => identity.is_some_and(|it| account_matches(account, it)),
            Self::User { account, user } => identity.is_some_and(|it| {
                account_matches(account, it) && it.user.as_deref() == Some(user.as_str())
            }),
        }
    }
}

impl Principals {
    /// Whether the statement is about this caller.
    pub fn matches(&self, caller: &Caller) -> bool {
        self.who.iter().any(|who| who.matches(caller)) != self.negated
    }

    /// Whether it is about everybody.
    pub fn is_everybody(&self) -> bool {
        self.negated || self.who.contains(&Who::Everybody)
    }

    /// Reads the value of `Principal` or `NotPrincipal`.
    pub fn parse(value: &Json, negated: bool) -> Result<Self, PolicyError> {
        let invalid = |what: &Json| PolicyError::Principal { principal: format!("{what:?}") };
        let mut who = Vec::new();
        match value {
            Json::String(text) if text == "*" => who.push(Who::Everybody),
            Json::Object(kinds) if !kinds.is_empty() => {
                for (kind, names) in kinds {
                    let names = match names {
                        Json::Array(names) => names.as_slice(),
                        one => core::slice::from_ref(one),
                    };
                    if names.is_empty() || names.len() > POLICY_VALUES_MAX {
                        return Err(invalid(value));
                    }
                    for name in names {
                        let text = name.as_str().ok_or_else(|| invalid(name))?;
                        let one = one(kind, text).ok_or_else(|| invalid(name))?;
                        who.push(one);
                    }
                }
            }
            other => return Err(invalid(other)),
        }
        Ok(Self { negated, who })
    }
}

/// One name under its kind.
fn one(kind: &str, text: &str) -> Option<Who> {
    match kind {
        "AWS" => aws(text),
        "CanonicalUser" => {
            text.parse::<TenantId>().ok().map(|tenant| Who::Account(tenant.to_string()))
        }
        "Service" | "Federated" if text.contains('.') && !text.contains('*') => Some(Who::Nobody),
        _ => None,
    }
}

fn aws(text: &str) -> Option<Who> {
    if text == "*" {
        return Some(Who::Everybody);
    }
    if text.parse::<TenantId>().is_ok() {
        return Some(Who::Account(text.to_owned()));
    }
    if text.contains(['*', '?', '$']) {
        return None;
    }
    let mut fields = text.strip_prefix("arn:aws:")?.splitn(4, ':');
    let (service, region) = (fields.next()?, fields.next()?);
    let (account, rest) = (fields.next()?, fields.next()?);
    if !region.is_empty() || account.is_empty() {
        return None;
    }
    match (service, rest.split_once('/')) {
        ("iam", None) if rest == "root" => Some(Who::Account(account.to_owned())),
        // A path before the user's name is not part of it.
        ("iam", Some(("user", path))) => {
            let user = path.rsplit('/').next().filter(|user| !user.is_empty())?;
            Some(Who::User { account: account.to_owned(), user: user.to_owned() })
        }
        ("iam", Some(("role", _))) | ("sts", Some(("assumed-role" | "federated-user", _))) => {
            Some(Who::Nobody)
        }
        _ => None,
    }
}
