//! Short texts that people write: names, and where the energy comes from.

use thiserror::Error;

use crate::limits::TEXT_BYTES_MAX;

/// A value that a field cannot hold.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("expected {}", .expected.english)]
pub struct WrongValue {
    /// What would be right.
    pub expected: Expected,
}

/// What a field can hold, as the object of "expected".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// In French.
    pub french: &'static str,
    /// In English.
    pub english: &'static str,
}

impl Expected {
    pub(crate) const fn new(french: &'static str, english: &'static str) -> Self {
        Self { french, english }
    }
}

/// Declares newtypes of `String` that are checked when made and when decoded.
macro_rules! checked_texts {
    ($($(#[$doc:meta])* $name:ident: $english:expr, $french:expr, $check:path);* $(;)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text; refused if it is none of the kind.
            pub fn new(text: &str) -> Result<Self, $crate::facts::WrongValue> {
                Self::try_from(text.to_owned())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::facts::WrongValue;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let wrong = $crate::facts::WrongValue {
                    expected: $crate::facts::Expected::new($french, $english),
                };
                if $check(&text) { Ok(Self(text)) } else { Err(wrong) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    )*};
}
pub(super) use checked_texts;

const SHORT: &str = "1 to 128 bytes of text without control characters or blanks at its ends";
const SHORT_FRENCH: &str =
    "de 1 à 128 octets de texte, sans caractère de contrôle ni blanc à ses bouts";

checked_texts! {
    /// What people call a site.
    SiteName: SHORT, SHORT_FRENCH, is_short;
    /// What people call the legal entity that runs a site.
    OperatorName: SHORT, SHORT_FRENCH, is_short;
    /// What people call the commune.
    TownName: SHORT, SHORT_FRENCH, is_short;
    /// What is certified, as policies name it: `SecNumCloud`, `HDS`, `ISO 27001`.
    CertificationName: SHORT, SHORT_FRENCH, is_short;
    /// Where the energy comes from, as policies name it: `hydro`, `solar and grid`.
    Energy: SHORT, SHORT_FRENCH, is_short;
}

/// Whether it is one line of text that reads the same wherever it is shown.
fn is_short(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

const _: () = assert!(TEXT_BYTES_MAX == 128, "the limit stands in the words above");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line() {
        for (text, good) in [
            ("Mairie de Saint-Élan", true),
            (&"é".repeat(64), true),
            (&"é".repeat(65), false),
            ("", false),
            (" ", false),
            ("a\nb", false),
            ("a ", false),
        ] {
            assert_eq!(SiteName::new(text).is_ok(), good, "{text:?}");
        }
    }
}
