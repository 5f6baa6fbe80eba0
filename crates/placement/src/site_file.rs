//! The file in which whoever runs a site states what it is: `site.toml`.
//!
//! ```toml
//! name = "mairie"
//! country = "FR"              # ISO 3166-1 alpha-2
//! commune = "44109"           # INSEE
//! commune_name = "Nantes"     # optional
//! departement = "44"          # INSEE
//! latitude = 47.218371        # degrees, WGS 84
//! longitude = -1.553621
//! hosting = "town-hall"       # or local-host, datacentre, household
//! energy = "hydro"            # optional
//!
//! [operator]
//! name = "Ville de Nantes"
//! siren = "214401093"         # a household and an operator abroad have none
//! control_country = "FR"
//!
//! [[certifications]]          # none, or one of these for each
//! name = "HDS"
//! from = 2026-01-01
//! until = 2028-12-31
//! ```

use core::fmt;

use thiserror::Error;

use crate::Language;
use crate::document::{Fault, Fields, Reader, explained, listed};
use crate::facts::{
    Certification, CertificationName, Commune, Country, Departement, Energy, Expected, Hosting,
    Operator, OperatorName, Position, Siren, SiteName, SiteStatement, StatementFault, TownName,
    WrongValue,
};
use crate::limits::{CERTIFICATIONS_MAX, SITE_FILE_BYTES_MAX};

/// A `site.toml` that cannot be taken; all that is wrong with it, by line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct SiteFileError {
    /// What is wrong; at least one fault.
    pub faults: Vec<Fault>,
}

impl fmt::Display for SiteFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        listed(&self.faults, f)
    }
}

impl SiteFileError {
    /// All that is wrong, one a line, in the order of the lines.
    pub fn explain(&self, language: Language) -> String {
        explained(&self.faults, language)
    }
}

/// The format of `site.toml`.
#[derive(Clone, Copy, Debug)]
pub struct SiteFile;

impl SiteFile {
    /// Reads the text of a `site.toml`: unknown, missing and wrong fields are refused,
    /// all at once.
    pub fn parse(text: &str) -> Result<SiteStatement, SiteFileError> {
        Reader::read(text, SITE_FILE_BYTES_MAX, statement)
            .map_err(|faults| SiteFileError { faults })
    }
}

fn statement(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<SiteStatement> {
    let name = fields.text(reader, "name", SiteName::new);
    let country = fields.text(reader, "country", Country::new);
    let commune = fields.text(reader, "commune", Commune::new);
    let commune_name = fields.text_if_any(reader, "commune_name", TownName::new);
    let departement = fields.text(reader, "departement", Departement::new);
    let latitude = fields.micro_degrees(reader, "latitude", 90);
    let longitude = fields.micro_degrees(reader, "longitude", 180);
    let hosting = fields.text(reader, "hosting", |name| {
        Hosting::from_name(name).ok_or(WrongValue {
            expected: Expected::new(
                "\"town-hall\", \"local-host\", \"datacentre\" ou \"household\"",
                "one of \"town-hall\", \"local-host\", \"datacentre\", \"household\"",
            ),
        })
    });
    let energy = fields.text_if_any(reader, "energy", Energy::new);
    let certificates = fields.tables(reader, "certifications", CERTIFICATIONS_MAX);
    let lines: Vec<usize> = certificates.iter().map(|fields| fields.at).collect();
    let certificates = certificates.into_iter().map(|fields| certification(reader, fields));
    let certifications = certificates.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>();
    let siren_at = fields.offset("operator");
    let operator =
        fields.table(reader, "operator").and_then(|fields| self::operator(reader, fields));
    fields.finish(reader);
    let at = |fault: &StatementFault| match fault {
        StatementFault::Departement => (fields.offset("departement"), "departement"),
        StatementFault::Commune => (fields.offset("commune"), "commune"),
        StatementFault::Siren => (siren_at, "operator.siren"),
        StatementFault::Certification(at) => {
            (lines.get(*at).copied().unwrap_or_default(), "certifications")
        }
        StatementFault::Certifications => (fields.offset("certifications"), "certifications"),
    };
    let statement = SiteStatement {
        name: name?,
        country: country?,
        commune: commune?,
        commune_name,
        departement: departement?,
        position: Position::from_micro_degrees(latitude?, longitude?).ok()?,
        operator: operator?,
        certifications: certifications?,
        hosting: hosting?,
        energy,
    };
    for fault in statement.faults() {
        let (at, field) = at(&fault);
        if reader.has_fault(field) {
            continue;
        }
        reader.fault(at, field, fault.reason());
    }
    Some(statement)
}

fn operator(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<Operator> {
    let name = fields.text(reader, "name", OperatorName::new);
    let siren = fields.text_if_any(reader, "siren", Siren::new);
    let control_country = fields.text(reader, "control_country", Country::new);
    fields.finish(reader);
    Some(Operator { name: name?, siren, control_country: control_country? })
}

fn certification(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<Certification> {
    let name = fields.text(reader, "name", CertificationName::new);
    let from = fields.date(reader, "from");
    let until = fields.date(reader, "until");
    fields.finish(reader);
    Some(Certification { name: name?, from: from?, until: until? })
}
