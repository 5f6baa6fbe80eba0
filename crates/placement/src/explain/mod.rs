//! What people are told: sentences that a mayor understands, in French and English.
//!
//! Types carry the reasons; here are only words. Names of sites stand as their operators
//! wrote them.

mod drift;
mod refusal;
mod words;

pub(crate) use words::{bytes, distance, list, quoted};

/// A language of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// French, which most users read.
    French,
    /// English.
    English,
}

impl Language {
    /// The words of this language.
    pub(crate) fn pick<T>(self, french: T, english: T) -> T {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }
}
