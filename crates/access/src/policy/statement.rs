//! One statement of a policy.

use super::condition::Condition;
use super::context::Context;
use super::parse::Effect;
use super::principal::Principals;
use crate::Level;
use crate::wildcard::Pattern;

/// Patterns of action names, in lower case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Actions {
    pub negated: bool,
    pub patterns: Vec<Pattern>,
}

/// Patterns of resources, without `arn:aws:s3:::`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resources {
    pub negated: bool,
    pub patterns: Vec<Pattern>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub effect: Effect,
    pub principals: Principals,
    pub actions: Actions,
    pub resources: Resources,
    pub conditions: Vec<Condition>,
}

impl Statement {
    /// Whether it is about this request.
    pub fn is_about(&self, context: &Context<'_>) -> bool {
        self.principals.matches(context.caller)
            && self.covers_action(context)
            && self.covers_resource(context)
            && self.conditions_hold(context)
    }

    fn conditions_hold(&self, context: &Context<'_>) -> bool {
        if units::planted::is_on("access-any-condition") && !self.conditions.is_empty() {
            return self.conditions.iter().any(|condition| condition.holds(context));
        }
        self.conditions.iter().all(|condition| condition.holds(context))
    }

    fn covers_action(&self, context: &Context<'_>) -> bool {
        let name = context.ask.action.name().to_lowercase();
        self.actions.patterns.iter().any(|pattern| pattern.matches(&name)) != self.actions.negated
    }

    fn covers_resource(&self, context: &Context<'_>) -> bool {
        let Some(bucket) = context.ask.bucket.map(|bucket| bucket.name.as_str()) else {
            return false;
        };
        let text = match (context.ask.action.level(), context.ask.key) {
            (Level::Object, Some(key)) => format!("{bucket}/{key}"),
            (Level::Object, None) => return false,
            _ => bucket.to_owned(),
        };
        let patterns = &self.resources.patterns;
        patterns.iter().any(|pattern| pattern.matches_in(&text, context)) != self.resources.negated
    }

    /// Whether it allows everybody something, tied to nothing fixed.
    pub fn is_public(&self) -> bool {
        self.effect == Effect::Allow
            && self.principals.is_everybody()
            && !self.conditions.iter().any(Condition::ties)
    }
}
