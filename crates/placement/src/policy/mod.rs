//! Placement policies: may this data be at this site, and how must it spread?
//!
//! A policy document is TOML with a Cedar text in it:
//!
//! ```toml
//! cedar = '''
//! @id("france") @fr("seulement en France") @en("only in France")
//! permit (principal, action == Action::"store", resource)
//! when { resource.country == "FR" };
//! '''
//!
//! [spread]
//! survive = 1
//! distinct = "commune"
//! ```
//!
//! Without `cedar` every site of the cluster may store, and nothing else is permitted.
//!
//! **Invariant**: what was read is understood whole; whatever is not, is refused with
//! its line.

mod permissions;
mod verdict;

pub use verdict::{Action, EvaluationError, RuleLabel, RuleName, Subject, Verdict};

use core::fmt;

use thiserror::Error;
use units::Timestamp;

use crate::Language;
use crate::document::{Fault, Fields, LineNumber, Reader, explained, listed};
use crate::facts::WrongValue;
use crate::limits::POLICY_BYTES_MAX;
use crate::{SiteEntry, SpreadRule};
use permissions::Permissions;

/// What holds where a policy has no Cedar text.
const CEDAR_DEFAULT: &str = r#"
    @id("default") @fr("tout site actif de la grappe") @en("every active site of the cluster")
    permit (principal, action == Action::"store", resource);
"#;

/// A policy document that cannot be taken; all that is wrong with it, by line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct PolicyError {
    /// What is wrong; at least one fault.
    pub faults: Vec<Fault>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        listed(&self.faults, f)
    }
}

impl PolicyError {
    /// All that is wrong, one a line, in the order of the lines.
    pub fn explain(&self, language: Language) -> String {
        explained(&self.faults, language)
    }
}

/// A policy: read once, asked often. Keep the value; reading and validating a text takes
/// a millisecond.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    permissions: Permissions,
    rule: SpreadRule,
}

impl Policy {
    /// Reads a policy document; the empty one is the default policy.
    pub fn parse(document: &str) -> Result<Self, PolicyError> {
        Reader::read(document, POLICY_BYTES_MAX, policy).map_err(|faults| PolicyError { faults })
    }

    /// How fragments must spread.
    pub fn rule(&self) -> &SpreadRule {
        &self.rule
    }

    /// Whether an action with somebody's data is permitted at a site now.
    pub fn verdict(
        &self,
        action: Action,
        subject: Subject<'_>,
        site: &SiteEntry,
        now: Timestamp,
    ) -> Verdict {
        let mut verdicts = self.permissions.verdicts(action, subject, &[site], now);
        assert_eq!(verdicts.len(), 1, "one site, one verdict");
        verdicts.remove(0)
    }

    /// Whether an action with somebody's data is permitted at each of these sites now: in
    /// one go, which takes less than asking about one after the other.
    pub fn verdicts(
        &self,
        action: Action,
        subject: Subject<'_>,
        sites: &[&SiteEntry],
        now: Timestamp,
    ) -> Vec<Verdict> {
        self.permissions.verdicts(action, subject, sites, now)
    }
}

fn policy(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<Policy> {
    let at = fields.offset("cedar");
    let text = fields.text_if_any(reader, "cedar", |text| Ok::<_, WrongValue>(text.to_owned()));
    let permissions = Permissions::parse(text.as_deref().unwrap_or(CEDAR_DEFAULT));
    let permissions = permissions.map_err(|faults| {
        let begins = cedar_begins(reader.text, at);
        for (line, reason) in faults {
            reader.fault_in_line(begins.down(line), "cedar", reason);
        }
    });
    let rule = match fields.table_if_any(reader, "spread") {
        Some(fields) => SpreadRule::read(reader, fields),
        None => SpreadRule::default(),
    };
    fields.finish(reader);
    Some(Policy { permissions: permissions.ok()?, rule })
}

/// The line of the document in which the value at this offset has its first line: a
/// break right behind three quotes is not part of it.
fn cedar_begins(document: &str, at: usize) -> LineNumber {
    let line = LineNumber::of(document, at);
    let value = document.get(at..).unwrap_or_default();
    let inside = value.strip_prefix("'''").or_else(|| value.strip_prefix("\"\"\""));
    let breaks = |text: &str| text.starts_with('\n') || text.starts_with("\r\n");
    if inside.is_some_and(breaks) { line.next() } else { line }
}
