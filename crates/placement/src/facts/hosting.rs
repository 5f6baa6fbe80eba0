//! What kind of place a site is.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Who hosts the machines, in kind. Stored: variants are only appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hosting {
    /// A town hall or another public building of a municipality.
    TownHall,
    /// A local host: a school, an association, a small firm.
    LocalHost,
    /// A data centre.
    Datacentre,
    /// Somebody's home.
    Household,
}

impl Hosting {
    /// All kinds, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::TownHall, Self::LocalHost, Self::Datacentre, Self::Household];

    /// As files and policies write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TownHall => "town-hall",
            Self::LocalHost => "local-host",
            Self::Datacentre => "datacentre",
            Self::Household => "household",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Hosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
