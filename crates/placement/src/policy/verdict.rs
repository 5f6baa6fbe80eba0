//! What a policy says about one site, and because of which of its rules.

use core::fmt;

use crate::explain::{Language, quoted};

/// What may be done with data at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Keep sealed fragments.
    Store,
    /// Open data: serve, convert, compute.
    Process,
    /// Administer the tenant's data.
    Administer,
    /// Keep a search index of what was opened.
    Index,
}

impl Action {
    /// As Cedar texts write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Process => "process",
            Self::Administer => "administer",
            Self::Index => "index",
        }
    }
}

/// Whose data it is: a tenant's, or those of one of its buckets. Policies know both by
/// their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// The bucket's name.
    pub bucket: Option<&'a str>,
}

/// One Cedar policy of a document, as people know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleLabel {
    /// What its author calls it (`@id("…")`); without that its number in the document.
    pub name: RuleName,
    /// What its author says of it in French (`@fr("…")`).
    pub french: Option<String>,
    /// What its author says of it in English (`@en("…")`).
    pub english: Option<String>,
}

/// What a rule is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleName {
    /// By its author.
    Given(String),
    /// By its place in the document; the first is 1.
    Number(usize),
}

impl RuleLabel {
    /// Whether its author says anything of it in any language.
    pub(crate) fn has_words(&self) -> bool {
        self.french.is_some() || self.english.is_some()
    }

    /// `exploitant contrôlé hors de l'UE (règle « ue »)`, or the rule alone.
    pub(crate) fn words(&self, language: Language) -> String {
        let said = language.pick(&self.french, &self.english);
        let rule = match &self.name {
            RuleName::Given(name) => {
                format!("{} {}", language.pick("règle", "rule"), quoted(language, name))
            }
            RuleName::Number(at) => {
                language.pick(format!("règle n°\u{a0}{at}"), format!("rule {at}"))
            }
        };
        // What its author said in one language is better than nothing in the other.
        match said.as_ref().or(self.french.as_ref()).or(self.english.as_ref()) {
            Some(said) => format!("{said} ({rule})"),
            None => rule,
        }
    }
}

/// What a policy says to one action at one site. Only [`Verdict::Permitted`] permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A rule permits it, and none forbids it.
    Permitted,
    /// These rules forbid it.
    Forbidden {
        /// Which; at least one.
        rules: Vec<RuleLabel>,
    },
    /// No rule permits it.
    NotPermitted {
        /// The rules that permit the action, at other sites or for other data.
        rules: Vec<RuleLabel>,
    },
    /// These rules ask for what the site has not stated.
    NotStated {
        /// Which; none if the question itself could not be put.
        rules: Vec<RuleLabel>,
    },
    /// A rule could not be evaluated, so that nothing is permitted.
    Failed {
        /// Which; none if the question itself could not be put.
        rules: Vec<RuleLabel>,
        /// What the evaluation says.
        error: EvaluationError,
    },
}

impl Verdict {
    /// Whether it permits.
    pub fn is_permit(&self) -> bool {
        *self == Self::Permitted
    }
}

/// What went wrong in an evaluation, in the words of Cedar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError(pub(crate) String);

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
