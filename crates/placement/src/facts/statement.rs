//! The statement of a site, and which site it is about.

use core::fmt;

use serde::{Deserialize, Serialize};
use units::{SiteId, Timestamp};

use super::{
    Certification, Commune, Country, Departement, Energy, Hosting, Operator, OperatorName,
    Position, SiteName, TownName, WrongValue,
};
use crate::document::Reason;
use crate::limits::CERTIFICATIONS_MAX;

/// What a site says about itself. Stored: fields are only appended, with a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteStatement {
    /// What people call it.
    pub name: SiteName,
    /// The country it lies in.
    pub country: Country,
    /// The commune it lies in, by its code.
    pub commune: Commune,
    /// What people call the commune; explanations use it.
    pub commune_name: Option<TownName>,
    /// The département it lies in, by its code.
    pub departement: Departement,
    /// Where it lies.
    pub position: Position,
    /// Who runs it.
    pub operator: Operator,
    /// What is certified, by whom and how long; ended ones may stay.
    pub certifications: Vec<Certification>,
    /// What kind of place it is.
    pub hosting: Hosting,
    /// Where its energy comes from.
    pub energy: Option<Energy>,
}

/// Two fields of a statement that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementFault {
    /// In France: no code of a département.
    Departement,
    /// In France: no code of a commune of this département.
    Commune,
    /// In France, and not a household: the operator has no SIREN.
    Siren,
    /// The certificate at this position ends before it begins.
    Certification(usize),
    /// More certificates than are kept.
    Certifications,
}

impl SiteStatement {
    /// What is wrong with it as a whole; nothing if it may be signed and kept.
    pub fn faults(&self) -> Vec<StatementFault> {
        let mut faults = Vec::new();
        if self.country.is_france() {
            if !self.departement.is_french() {
                faults.push(StatementFault::Departement);
            } else if !self.commune.is_french_in(&self.departement) {
                faults.push(StatementFault::Commune);
            }
            if self.operator.siren.is_none() && self.hosting != Hosting::Household {
                faults.push(StatementFault::Siren);
            }
        }
        if self.certifications.len() > CERTIFICATIONS_MAX {
            faults.push(StatementFault::Certifications);
        }
        for (at, certification) in self.certifications.iter().enumerate() {
            if certification.until < certification.from {
                faults.push(StatementFault::Certification(at));
            }
        }
        faults
    }

    /// Of a site that has stated nothing yet: no country, no commune, nobody's. A rule
    /// that asks for any of these does not find it there; the name is the site's own.
    pub fn unstated(name: &str) -> Result<Self, WrongValue> {
        Ok(Self {
            name: SiteName::new(name)?,
            country: Country::unknown(),
            commune: Commune::new("0")?,
            commune_name: None,
            departement: Departement::new("0")?,
            position: Position::from_micro_degrees(0, 0)?,
            operator: Operator {
                name: OperatorName::new(name)?,
                siren: None,
                control_country: Country::unknown(),
            },
            certifications: Vec::new(),
            hosting: Hosting::LocalHost,
            energy: None,
        })
    }

    /// Whether nothing was stated: where it lies and whose it is is not known.
    pub fn is_unstated(&self) -> bool {
        self.country == Country::unknown()
    }

    /// The next instant after `now` at which a certificate begins or ends to hold.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.certifications.iter().filter_map(|held| held.next_change(now)).min()
    }

    /// The commune as people read it: `Arles (13004)`.
    pub fn commune_shown(&self) -> String {
        match &self.commune_name {
            Some(name) => format!("{name} ({})", self.commune),
            None => self.commune.to_string(),
        }
    }
}

impl StatementFault {
    /// What is wrong, and what would be right.
    pub(crate) fn reason(&self) -> Reason {
        let (french, english) = match self {
            Self::Departement => (
                "un site en France nomme son département par le code de l'INSEE\u{a0}: 01 à 95, \
                 2A, 2B, 971 à 978 ou 984 à 988",
                "a site in France names its département by the code of INSEE: 01 to 95, 2A, 2B, \
                 971 to 978 or 984 to 988",
            ),
            Self::Commune => (
                "un site en France nomme sa commune par les cinq caractères de l'INSEE, qui \
                 commencent par le code du département",
                "a site in France names its commune by the five characters of INSEE, which begin \
                 with the code of the département",
            ),
            Self::Siren => (
                "un exploitant en France donne son SIREN\u{a0}; seul un foyer (hosting = \
                 \"household\") n'en a pas",
                "an operator in France gives its SIREN; only a household (hosting = \"household\") \
                 has none",
            ),
            Self::Certification(_) => (
                "le certificat finit (until) avant de commencer (from)",
                "the certificate ends (until) before it begins (from)",
            ),
            Self::Certifications => (
                "un site énonce au plus 32 certificats\u{a0}; laissez de côté ceux qui ont pris fin",
                "a site states at most 32 certificates; leave out ended ones",
            ),
        };
        Reason { french: french.to_owned(), english: english.to_owned() }
    }
}

impl fmt::Display for StatementFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason().english)
    }
}

const _: () = assert!(CERTIFICATIONS_MAX == 32, "the limit stands in the words above");

/// What a site says about itself, and which site that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteFacts {
    /// Which site.
    pub id: SiteId,
    /// What it states.
    pub statement: SiteStatement,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::facts::{CertificationName, Date, OperatorName, Siren, WrongValue};

    /// A town hall in France that states nothing wrong.
    pub(crate) fn town_hall() -> Result<SiteStatement, WrongValue> {
        Ok(SiteStatement {
            name: SiteName::new("mairie")?,
            country: Country::new("FR")?,
            commune: Commune::new("44109")?,
            commune_name: Some(TownName::new("Nantes")?),
            departement: Departement::new("44")?,
            position: Position::from_micro_degrees(47_218_371, -1_553_621)?,
            operator: Operator {
                name: OperatorName::new("Ville de Nantes")?,
                siren: Some(Siren::new("214401093")?),
                control_country: Country::new("FR")?,
            },
            certifications: vec![Certification {
                name: CertificationName::new("HDS")?,
                from: Date::new(2026, 1, 1)?,
                until: Date::new(2028, 12, 31)?,
            }],
            hosting: Hosting::TownHall,
            energy: Some(Energy::new("hydro")?),
        })
    }

    fn check(
        change: impl FnOnce(&mut SiteStatement) -> Result<(), WrongValue>,
        is: &[StatementFault],
    ) {
        let mut statement = town_hall().unwrap_or_else(|error| panic!("{error}"));
        change(&mut statement).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(statement.faults(), is);
    }

    #[test]
    fn fields_must_go_together() {
        check(|_| Ok(()), &[]);
        check(
            |statement| {
                statement.commune = Commune::new("35238")?;
                Ok(())
            },
            &[StatementFault::Commune],
        );
        check(
            |statement| {
                statement.departement = Departement::new("99")?;
                Ok(())
            },
            &[StatementFault::Departement],
        );
        check(
            |statement| {
                statement.operator.siren = None;
                Ok(())
            },
            &[StatementFault::Siren],
        );
        check(
            |statement| {
                statement.operator.siren = None;
                statement.hosting = Hosting::Household;
                Ok(())
            },
            &[],
        );
        check(
            |statement| {
                statement.country = Country::new("DE")?;
                statement.departement = Departement::new("BY")?;
                statement.operator.siren = None;
                statement.certifications[0].until = Date::new(2025, 12, 31)?;
                Ok(())
            },
            &[StatementFault::Certification(0)],
        );
        check(
            |statement| {
                let one = statement.certifications.clone();
                statement.certifications = one.into_iter().cycle().take(33).collect();
                Ok(())
            },
            &[StatementFault::Certifications],
        );
    }

    #[test]
    fn what_is_decoded_is_checked() -> Result<(), Box<dyn core::error::Error>> {
        let statement = town_hall()?;
        let bytes = postcard::to_allocvec(&statement)?;
        assert_eq!(postcard::from_bytes::<SiteStatement>(&bytes)?, statement);
        let at = bytes.windows(2).position(|pair| pair == b"FR").unwrap_or_default();
        let mut other = bytes.clone();
        other[at] = b'X';
        assert!(postcard::from_bytes::<SiteStatement>(&other).is_err(), "XR is no country");
        for cut in 0..bytes.len() {
            assert!(postcard::from_bytes::<SiteStatement>(&bytes[..cut]).is_err());
        }
        Ok(())
    }
}
