//! Sites made up for tests, and an independent judge of what the planner does.

use std::sync::Arc;

use placement::facts::{
    Certification, CertificationName, Commune, Country, Departement, Energy, Hosting, Operator,
    OperatorName, Position, Siren, SiteName, TownName, WrongValue,
};
use placement::{
    DiskFacts, Policy, SiteDisk, SiteEntry, SiteFacts, SiteMap, SiteState, SiteStatement, Subject,
};
use units::{ByteCount, DiskId, Epoch, SiteId, Timestamp};

pub mod campaign;
pub mod judge;

/// 2026-06-01T00:00:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_780_272_000);

/// Whose data the tests place.
pub const SUBJECT: Subject<'static> = Subject { tenant: "ville", bucket: Some("archives") };

pub const GIB: u64 = 1 << 30;

/// Communes by code and name, and where they lie (micro-degrees).
pub const TOWNS: [(&str, &str, &str, i32, i32); 8] = [
    ("44109", "Nantes", "44", 47_218_000, -1_553_000),
    ("44162", "Saint-Herblain", "44", 47_212_000, -1_651_000),
    ("44143", "Rezé", "44", 47_190_000, -1_569_000),
    ("44190", "Saint-Sébastien", "44", 47_208_000, -1_501_000),
    ("35238", "Rennes", "35", 48_117_000, -1_677_000),
    ("35047", "Bruz", "35", 48_024_000, -1_746_000),
    ("29019", "Brest", "29", 48_390_000, -4_486_000),
    ("49007", "Angers", "49", 47_478_000, -563_000),
];

/// Operators by name, SIREN and country of control.
pub const OPERATORS: [(&str, &str, &str); 5] = [
    ("Ville de Nantes", "214401093", "FR"),
    ("Rennes Métropole", "243500139", "FR"),
    ("Hébergeur Breton", "732829320", "FR"),
    ("Rhein Hosting", "356000000", "DE"),
    ("Sam Cloud", "552100554", "US"),
];

/// A site in a town, run by an operator, both by their positions above.
pub fn statement(name: &str, town: usize, operator: usize) -> SiteStatement {
    let made = || -> Result<SiteStatement, WrongValue> {
        let (commune, town_name, departement, latitude, longitude) = TOWNS[town];
        let (operator, siren, control) = OPERATORS[operator];
        Ok(SiteStatement {
            name: SiteName::new(name)?,
            country: Country::new("FR")?,
            commune: Commune::new(commune)?,
            commune_name: Some(TownName::new(town_name)?),
            departement: Departement::new(departement)?,
            position: Position::from_micro_degrees(latitude, longitude)?,
            operator: Operator {
                name: OperatorName::new(operator)?,
                siren: Some(Siren::new(siren)?),
                control_country: Country::new(control)?,
            },
            certifications: Vec::new(),
            hosting: Hosting::TownHall,
            energy: Some(Energy::new("hydro")?),
        })
    };
    made().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A certificate from one day to another.
pub fn certified(name: &str, from: &str, until: &str) -> Certification {
    let made = || -> Result<Certification, WrongValue> {
        let name = CertificationName::new(name)?;
        Ok(Certification { name, from: from.parse()?, until: until.parse()? })
    };
    made().unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn site_id(number: usize) -> SiteId {
    SiteId::from_u128(number as u128 + 1)
}

pub fn disk_id(site: usize, disk: usize) -> DiskId {
    DiskId::from_u128((site as u128 + 1) * 1_000 + disk as u128)
}

/// An active site with so many disks of 100 GiB, half of them free.
pub fn entry(number: usize, statement: SiteStatement, disks: usize) -> SiteEntry {
    let disk = |disk| SiteDisk {
        facts: DiskFacts {
            id: disk_id(number, disk),
            healthy: true,
            free: ByteCount::new(50 * GIB),
            removed: ByteCount::ZERO,
        },
        capacity: ByteCount::new(100 * GIB),
    };
    SiteEntry {
        facts: Arc::new(SiteFacts { id: site_id(number), statement }),
        state: SiteState::Active,
        has_key: false,
        reachable: true,
        disks: (0..disks).map(disk).collect(),
    }
}

pub fn map(sites: Vec<SiteEntry>) -> SiteMap {
    SiteMap::new(Epoch::new(7), sites).unwrap_or_else(|error| panic!("{error}"))
}

/// Active sites in these towns, one disk each, each of an operator of its own as far as
/// there are any: named a, b, c, …
pub fn sites_in(towns: &[usize]) -> Vec<SiteEntry> {
    let site = |(at, town): (usize, &usize)| {
        let name = char::from(b'a' + u8::try_from(at).unwrap_or_default()).to_string();
        entry(at, statement(&name, *town, at % OPERATORS.len()), 1)
    };
    towns.iter().enumerate().map(site).collect()
}

pub fn policy(document: &str) -> Policy {
    Policy::parse(document).unwrap_or_else(|error| panic!("{error}\n{document}"))
}
