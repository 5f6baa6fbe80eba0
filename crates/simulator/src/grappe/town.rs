//! Made-up sites: where they lie, who runs them, how long their certificates hold.

use anyhow::{Result, ensure};
use catalog::{NodeSignature, SignedStatement, StatementBytes};
use placement::SiteStatement;
use placement::facts::{
    Certification, CertificationName, Commune, Country, Date, Departement, Energy, Hosting,
    Operator, OperatorName, Position, Siren, SiteName, TownName,
};
use units::{NodeId, Signature, Timestamp};

/// Communes by code and name, and where they lie (micro-degrees).
const TOWNS: [(&str, &str, &str, i32, i32); 7] = [
    ("44109", "Nantes", "44", 47_218_000, -1_553_000),
    ("44162", "Saint-Herblain", "44", 47_212_000, -1_651_000),
    ("44143", "Rezé", "44", 47_190_000, -1_569_000),
    ("35238", "Rennes", "35", 48_117_000, -1_677_000),
    ("35047", "Bruz", "35", 48_024_000, -1_746_000),
    ("29019", "Brest", "29", 48_390_000, -4_486_000),
    ("49007", "Angers", "49", 47_478_000, -563_000),
];

/// How many towns there are.
pub(crate) const TOWNS_COUNT: usize = TOWNS.len();

/// Operators by name, SIREN and country of control.
const OPERATORS: [(&str, &str, &str); 3] = [
    ("Ville de Nantes", "214401093", "FR"),
    ("Rhein Hosting", "356000000", "DE"),
    ("Sam Cloud", "552100554", "US"),
];

/// How many operators there are; the last is not controlled in the European Union.
pub(crate) const OPERATORS_COUNT: usize = OPERATORS.len();

/// What a site is, as the trial draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Town {
    /// Which of the towns.
    pub(crate) place: usize,
    /// Which of the operators.
    pub(crate) operator: usize,
    /// Whether it has a certificate that holds.
    pub(crate) certified: bool,
}

impl Town {
    /// What it states, under this name.
    pub(crate) fn statement(&self, name: &str) -> Result<SiteStatement> {
        let (commune, town, departement, latitude, longitude) = TOWNS[self.place % TOWNS_COUNT];
        let (operator, siren, control) = OPERATORS[self.operator % OPERATORS_COUNT];
        let (from, until) = ("2026-01-01".parse::<Date>()?, "2036-01-01".parse::<Date>()?);
        let hds = Certification { name: CertificationName::new("HDS")?, from, until };
        let said = SiteStatement {
            name: SiteName::new(name)?,
            country: Country::new("FR")?,
            commune: Commune::new(commune)?,
            commune_name: Some(TownName::new(town)?),
            departement: Departement::new(departement)?,
            position: Position::from_micro_degrees(latitude, longitude)?,
            operator: Operator {
                name: OperatorName::new(operator)?,
                siren: Some(Siren::new(siren)?),
                control_country: Country::new(control)?,
            },
            certifications: if self.certified { vec![hds] } else { Vec::new() },
            hosting: Hosting::TownHall,
            energy: Some(Energy::new("hydro")?),
        };
        ensure!(said.faults().is_empty(), "{:?}", said.faults());
        Ok(said)
    }

    /// The same, as the catalog keeps it; its signature is looked at by no one here.
    pub(crate) fn signed(&self, name: &str, by: NodeId) -> Result<SignedStatement> {
        Ok(SignedStatement {
            bytes: StatementBytes::new(postcard::to_stdvec(&self.statement(name)?)?),
            signed: NodeSignature { node: by, signature: Signature([7; 64]) },
            countersigned: None,
            until: Timestamp::from_seconds(4_000_000_000),
        })
    }
}
