//! What people are told: sentences that a mayor understands, in French and English.
//!
//! Types carry the reasons; here are only words. Names of sites stand as their operators
//! wrote them.

mod drift;
mod refusal;
mod words;

pub(crate) use words::{bytes, distance, list, quoted};

use core::str::FromStr;

use thiserror::Error;

/// A language of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// French, which most users read.
    French,
    /// English.
    English,
}

/// A word that names no language of the interface.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("expected fr or en")]
pub struct LanguageUnknown;

impl FromStr for Language {
    type Err = LanguageUnknown;

    /// Reads `fr` and `en`, also with a region or more behind it: `fr_FR.UTF-8`, `en-GB`.
    fn from_str(text: &str) -> Result<Self, LanguageUnknown> {
        match text.split(['-', '_', '.', '@']).next() {
            Some("fr") => Ok(Self::French),
            Some("en") => Ok(Self::English),
            _ => Err(LanguageUnknown),
        }
    }
}

impl Language {
    /// Its tag (ISO 639-1).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
        }
    }

    /// The words of this language.
    pub fn pick<T>(self, french: T, english: T) -> T {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }
}
