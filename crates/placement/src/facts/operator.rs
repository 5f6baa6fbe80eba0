//! Who runs a site.

use serde::{Deserialize, Serialize};

use super::{Country, OperatorName, Siren};

/// The legal entity that runs a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name.
    pub name: OperatorName,
    /// Its number in the French register; a household and a foreign entity have none.
    pub siren: Option<Siren>,
    /// The country from which it is controlled, in the last instance.
    pub control_country: Country,
}

impl Operator {
    /// What makes two sites sites of one operator: the number if there is one, else the
    /// name.
    pub fn identity(&self) -> &str {
        self.siren.as_ref().map_or(self.name.as_str(), Siren::as_str)
    }
}
