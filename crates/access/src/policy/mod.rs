//! Bucket policies: read strictly, checked against their bucket, evaluated.
//!
//! **Invariants**
//! - A policy that was read says nothing that evaluation would not understand:
//!   unknown fields, actions, condition operators and keys are refused.
//! - An explicit deny wins over every allow, whatever their order.

mod condition;
mod context;
mod error;
mod json;
mod parse;
mod principal;
mod statement;
#[cfg(test)]
pub(crate) mod tests;

pub use error::PolicyError;
pub use parse::Effect;

pub(crate) use context::Context;
use statement::Statement;

use crate::{Ask, Caller};

/// A bucket policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What a policy says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement denies it.
    Deny,
    /// A statement allows it and none denies it.
    Allow,
    /// No statement is about it.
    Silent,
}

impl Policy {
    /// Reads a policy for one bucket.
    pub fn parse(document: &str, bucket: &str) -> Result<Self, PolicyError> {
        Ok(Self { statements: parse::statements(document, bucket)? })
    }

    /// What it says to a request.
    pub fn evaluate(&self, caller: &Caller, ask: &Ask<'_>) -> Verdict {
        let context = Context { caller, ask };
        let mut verdict = Verdict::Silent;
        for statement in &self.statements {
            if !statement.is_about(&context) {
                continue;
            }
            match statement.effect {
                Effect::Deny if units::planted::is_on("access-allow-beats-deny") => {
                    if verdict == Verdict::Silent {
                        verdict = Verdict::Deny;
                    }
                }
                Effect::Deny => return Verdict::Deny,
                Effect::Allow => verdict = Verdict::Allow,
            }
        }
        verdict
    }

    /// The first condition key that no request here can have, compared as if one could:
    /// such a condition reads like a rule and is none, so a face refuses to store it.
    /// Those that say what holds without the key (`Null`, `…IfExists`) mean what they
    /// say. What was stored before is still read.
    pub fn key_without_source(&self) -> Option<&str> {
        let conditions = self.statements.iter().flat_map(|statement| &statement.conditions);
        let conditions = conditions.filter(|condition| !condition.minds_absence());
        let mut keys = conditions.map(|condition| condition.key.as_str());
        keys.find(|key| !context::has_source(&key.to_lowercase()))
    }

    /// Whether it gives anything to everybody, by AWS's definition (S3 User
    /// Guide, "The meaning of public"): an allow to everybody that no condition
    /// ties to something fixed.
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(Statement::is_public)
    }
}
