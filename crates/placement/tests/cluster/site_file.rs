//! `site.toml`: what is taken, and what is said of what is not.

use placement::{Language, SiteFile};
use proptest::prelude::*;

const GOOD: &str = r#"name = "mairie"
country = "FR"
commune = "44109"
commune_name = "Nantes"
departement = "44"
latitude = 47.218371
longitude = -1.553621
hosting = "town-hall"
energy = "hydro"

[operator]
name = "Ville de Nantes"
siren = "214401093"
control_country = "FR"

[[certifications]]
name = "HDS"
from = 2026-01-01
until = 2028-12-31

[[certifications]]
name = "ISO 27001"
from = "2025-07-01"
until = "2028-06-30"
"#;

/// Checks what is said of the good file with one text replaced by another: each line of
/// `expected` begins like one fault, and there are no others.
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(GOOD.contains(from), "{from}");
    let said = match SiteFile::parse(&GOOD.replacen(from, to, 1)) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    };
    assert_eq!(said.len(), expected.len(), "{to:?}: {said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{to:?}:\n{said}\n{expected}");
    }
}

#[test]
fn a_good_file_is_taken() {
    let site = SiteFile::parse(GOOD).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(site.name.as_str(), "mairie");
    assert_eq!(site.position.latitude(), 47_218_371);
    assert_eq!(site.position.longitude(), -1_553_621);
    assert_eq!(site.certifications.len(), 2);
    assert_eq!(site.certifications[1].until.to_string(), "2028-06-30");
    check("energy = \"hydro\"\n", "", &[]);
    check("latitude = 47.218371", "latitude = 47", &[]);
    check("hosting = \"town-hall\"", "hosting = \"household\"", &[]);
}

#[test]
fn every_fault_has_its_line_and_its_remedy() {
    check(
        "country = \"FR\"",
        "country = \"France\"",
        &["line 2: country: expected a country by its two capital letters"],
    );
    check(
        "commune = \"44109\"",
        "commune = \"35238\"",
        &["line 3: commune: a site in France names its commune by the five characters of INSEE"],
    );
    check(
        "commune = \"44109\"",
        "commune = 44109",
        &["line 3: commune: expected a text in quotes"],
    );
    check(
        "departement = \"44\"",
        "departement = \"99\"",
        &["line 5: departement: a site in France names its département by the code of INSEE"],
    );
    check(
        "latitude = 47.218371",
        "latitude = 147.2",
        &["line 6: latitude: expected degrees between -90 and 90, as in 47.218371"],
    );
    check("latitude = 47.218371", "latitude = nan", &["line 6: latitude: expected degrees"]);
    check(
        "hosting = \"town-hall\"",
        "hosting = \"castle\"",
        &["line 8: hosting: expected one of \"town-hall\", \"local-host\""],
    );
    check(
        "energy = ",
        "power = ",
        &["line 9: power: no such field; the fields here are name, country, commune, commune_name"],
    );
    check(
        "siren = \"214401093\"",
        "siren = \"214401094\"",
        &["line 13: operator.siren: expected the 9 digits of a SIREN"],
    );
    check(
        "siren = \"214401093\"\n",
        "",
        &["line 11: operator.siren: an operator in France gives its SIREN; only a household"],
    );
    check("from = 2026-01-01", "from = 2026-02-30", &["line 18: "]);
    check(
        "from = 2026-01-01",
        "from = 2029-01-01",
        &["line 16: certifications: the certificate ends (until) before it begins (from)"],
    );
    check(
        "until = \"2028-06-30\"",
        "until = \"30/06/2028\"",
        &["line 24: certifications[1].until: expected a date between 1970-01-01 and 9999-12-31"],
    );
    check(
        "[operator]",
        "[operateur]",
        &[
            "line 1: operator: is missing; expected a line [operator] and its fields",
            "line 11: operateur: no such field",
        ],
    );
    check("[[certifications]]", "[certifications]", &["line 21: not TOML: "]);
    check("name = \"mairie\"", "name = \"mairie", &["line 1: not TOML: "]);
}

#[test]
fn faults_are_told_in_french() {
    let check = |from: &str, to: &str, expected: &str| {
        let error = SiteFile::parse(&GOOD.replacen(from, to, 1)).map(|_| ()).unwrap_err();
        let told = error.explain(Language::French).replace('\u{a0}', "~");
        assert_eq!(told, expected, "{to}");
        assert_eq!(error.explain(Language::English), error.to_string());
    };
    check(
        "energy = ",
        "power = ",
        "ligne 9~: power~: champ inconnu~; les champs sont ici name, \
        country, commune, commune_name, departement, latitude, longitude, hosting, energy, \
        certifications, operator",
    );
    check(
        "\"FR\"",
        "\"France\"",
        "ligne 2~: country~: il faut un pays par ses deux lettres \
        capitales (ISO 3166-1 alpha-2), comme \"FR\" ou \"DE\"",
    );
    check(
        "latitude = 47.218371\n",
        "",
        "ligne 1~: latitude~: manque~; il faut des degrés entre -90 \
        et 90, comme 47.218371",
    );
    check(
        "siren = \"214401093\"\n",
        "",
        "ligne 11~: operator.siren~: un exploitant en France donne \
        son SIREN~; seul un foyer (hosting = \"household\") n'en a pas",
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let said = SiteFile::parse("nom = \"mairie\"\ncountry = 33\n[operator]\n");
    let said = said.err().map(|error| error.faults).unwrap_or_default();
    let lines: Vec<(u32, &str)> =
        said.iter().map(|fault| (fault.line.get(), fault.field.as_str())).collect();
    let expected = [
        (1, "name"),
        (1, "commune"),
        (1, "departement"),
        (1, "latitude"),
        (1, "longitude"),
        (1, "hosting"),
        (1, "nom"),
        (2, "country"),
        (3, "operator.name"),
        (3, "operator.control_country"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let said = SiteFile::parse(&"#".repeat(64 * 1024 + 1));
    let said = said.err().map(|error| error.to_string());
    assert_eq!(said.as_deref(), Some("line 1: expected at most 65536 bytes, not 65537"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(at in 0_usize..GOOD.len(), cut in 0_usize..40, put in ".{0,12}") {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(error) = SiteFile::parse(&text) {
            prop_assert!(!error.faults.is_empty());
            let lines = u32::try_from(text.lines().count().max(1)).unwrap_or(u32::MAX) + 1;
            prop_assert!(error.faults.iter().all(|fault| (1..=lines).contains(&fault.line.get())));
        }
    }
}
