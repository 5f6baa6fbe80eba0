//! Policies: what is refused when they are read, and what they say of sites.

use placement::policy::RuleName;
use placement::{Action, Policy, SiteEntry, SiteStatement, Subject, Verdict};
use proptest::prelude::*;
use units::Timestamp;

use crate::trial::{NOW, SUBJECT, certified, entry, policy, statement};

fn cedar(text: &str) -> String {
    format!("cedar = '''\n{text}'''\n")
}

/// Checks what is said of a document: each of `expected` begins like one fault.
fn check_refused(document: &str, expected: &[&str]) {
    let said = match Policy::parse(document) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    assert_eq!(said.len(), expected.len(), "{document}\n{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{document}\n{said}\n{expected}");
    }
}

#[test]
fn documents_are_read_strictly() {
    check_refused("", &[]);
    check_refused("[spread]\nsurvive = 2\ndistinct = 'commune'\nmin_distance_km = 5\n", &[]);
    check_refused(
        "[spread]\nsurvives = 1\n",
        &["line 2: spread.survives: no such field; the fields here are survive, distinct"],
    );
    check_refused(
        "[spred]\nsurvive = 1\n",
        &["line 1: spred: no such field; the fields here are cedar, spread"],
    );
    check_refused(
        "[spread]\nsurvive = 0\ndistinct = 'town'\nmin_distance_km = 2.5\n",
        &[
            "line 2: spread.survive: expected a whole number from 1 to 8",
            "line 3: spread.distinct: expected one of \"site\", \"commune\", \"departement\", \"operator\"",
            "line 4: spread.min_distance_km: expected a whole number from 1 to 20000",
        ],
    );
    check_refused(
        "[spread]\nprefer = 'speed'\n\ngeometry = '3-2'",
        &[
            "line 2: spread.prefer: expected \"space\" or \"safety\"",
            "line 4: spread.geometry: expected data and parity fragments",
        ],
    );
    check_refused(
        "[spread]\nsurvive = 2\ngeometry = '3+1'",
        &["line 3: spread.geometry: 3+1 does not survive 2 of its failure domains"],
    );
    check_refused(
        "[spread]\nhome = 'a'\ngeometry = '3+2'",
        &[
            "line 3: spread.geometry: 3+2 does not survive 1 of its failure domains of which one is home",
        ],
    );
    check_refused("spread = 1", &["line 1: spread: expected a table"]);
    check_refused(
        &format!("#{}", "x".repeat(32 * 1024)),
        &["line 1: expected at most 32768 bytes"],
    );
}

#[test]
fn rules_that_ask_what_was_not_stated_refuse() {
    let said = SiteStatement::unstated("d").unwrap_or_else(|error| panic!("{error}"));
    let site = entry(3, said, 1);
    let check = |text: &str, permitted: bool| {
        let verdict = policy(&cedar(text)).verdict(Action::Store, SUBJECT, &site, NOW);
        assert_eq!(verdict.is_permit(), permitted, "{text}: {verdict:?}");
        assert!(permitted || matches!(verdict, Verdict::NotStated { .. }), "{text}: {verdict:?}");
    };
    let all = "permit (principal, action == Action::\"store\", resource);\n";
    check(all, true);
    check(
        "permit (principal, action == Action::\"store\", resource) when { resource.has_key || true };\n",
        true,
    );
    // One that forbids by a fact must not pass over who has not said it.
    for asked in [
        "resource.country == \"RU\"",
        "resource has siren && resource.siren == \"732829320\"",
        "principal.name == \"x\" && !resource.control_in_eu",
        "resource.certifications.contains(\"revoked\")",
        "[\"Paris\", resource.commune].contains(\"75056\")",
    ] {
        let forbid = format!("forbid (principal, action, resource) when {{ {asked} }};\n");
        check(&format!("{all}{forbid}"), false);
    }
    // Rules about other actions ask nothing of who stores.
    let other =
        "forbid (principal, action == Action::\"index\", resource) when { resource.in_eu };\n";
    check(&format!("{all}{other}"), true);
}

#[test]
fn cedar_texts_are_validated_strictly() {
    let check = |text: &str, expected: &[&str]| check_refused(&cedar(text), expected);
    check("permit (principal, action == Action::\"store\", resource);\n", &[]);
    // An attribute that sites do not have.
    check(
        "permit (principal, action == Action::\"store\", resource)\nwhen { resource.planet == \"Mars\" };\n",
        &["line 3: cedar: "],
    );
    // Texts compared with numbers.
    check(
        "permit (principal, action == Action::\"store\", resource)\nwhen {\n resource.country == 33 };\n",
        &["line 4: cedar: "],
    );
    // An attribute that not all sites have, without asking whether it is there.
    check(
        "permit (principal, action == Action::\"store\", resource) when { resource.siren == \"1\" };\n",
        &["line 2: cedar: "],
    );
    check(
        "permit (principal, action == Action::\"store\", resource)\nwhen { resource has siren && resource.siren == \"1\" };\n",
        &[],
    );
    // No such action, no such kind of principal: both are told, and that it never applies.
    assert!(
        Policy::parse(&cedar("permit (principal, action == Action::\"read\", resource);\n"))
            .is_err()
    );
    assert!(
        Policy::parse(&cedar(
            "permit (principal == User::\"x\", action == Action::\"store\", resource);\n"
        ))
        .is_err()
    );
    check(
        "permit (principal, action, resource);\n",
        &["line 2: cedar: the permit number 1 is for every action; expected the actions it is for"],
    );
    check("forbid (principal, action, resource);\n", &[]);
    check(
        "permit (principal == ?principal, action == Action::\"store\", resource);\n",
        &["line 2: cedar: expected no template"],
    );
    check(
        "permit (principal, action == Action::\"store\", resource)\nwhere { true };\n",
        &["line 3: cedar: "],
    );
    let many = "forbid (principal, action, resource);\n".repeat(65);
    check(&many, &["line 2: cedar: expected at most 64 policies, not 65"]);
}

fn verdict(document: &str, action: Action, site: &SiteEntry, now: Timestamp) -> Verdict {
    policy(document).verdict(action, SUBJECT, site, now)
}

#[test]
fn without_a_text_sites_may_store_and_nothing_else() {
    let site = entry(0, statement("mairie", 0, 0), 1);
    for (action, permitted) in [
        (Action::Store, true),
        (Action::Process, false),
        (Action::Administer, false),
        (Action::Index, false),
    ] {
        assert_eq!(verdict("", action, &site, NOW).is_permit(), permitted, "{action:?}");
    }
}

#[test]
fn attributes_say_what_the_site_states() {
    let check = |condition: &str, expected: bool| {
        let text = format!(
            "permit (principal, action == Action::\"store\", resource)\nwhen {{ {condition} }};\n"
        );
        let mut site = entry(0, statement("mairie", 0, 4), 1);
        site.has_key = true;
        let got = verdict(&cedar(&text), Action::Store, &site, NOW);
        assert_eq!(got.is_permit(), expected, "{condition}");
        assert!(!matches!(got, Verdict::Failed { .. }), "{got:?}");
    };
    check("resource.name == \"mairie\"", true);
    check("resource.country == \"FR\" && resource.in_eu", true);
    check("resource.commune == \"44109\"", true);
    check("resource.departement == \"44\"", true);
    check("resource.operator == \"Sam Cloud\"", true);
    check("resource has siren && resource.siren == \"552100554\"", true);
    check("resource.control_country == \"US\"", true);
    check("resource.control_in_eu", false);
    check("resource.hosting == \"town-hall\"", true);
    check("resource has energy && resource.energy == \"hydro\"", true);
    check("resource.latitude > 47000000 && resource.longitude < 0", true);
    check("resource.has_key", true);
    check("resource.certifications.isEmpty()", true);
    check("principal in Tenant::\"ville\"", true);
    check("principal in Tenant::\"metropole\"", false);
    check("principal == Bucket::\"archives\"", true);
    check("principal.name == \"archives\"", true);
}

#[test]
fn a_tenant_is_asked_about_as_a_tenant() {
    let text = cedar(
        "permit (principal == Tenant::\"ville\", action == Action::\"administer\", resource);\n",
    );
    let site = entry(0, statement("mairie", 0, 0), 1);
    let tenant = Subject { tenant: "ville", bucket: None };
    assert!(policy(&text).verdict(Action::Administer, tenant, &site, NOW).is_permit());
    assert!(!policy(&text).verdict(Action::Administer, SUBJECT, &site, NOW).is_permit());
}

#[test]
fn a_certificate_that_ended_is_not_there() {
    let text = cedar(
        "permit (principal, action == Action::\"store\", resource)\nwhen { resource.certifications.contains(\"HDS\") };\n",
    );
    let mut said = statement("mairie", 0, 0);
    said.certifications.push(certified("HDS", "2026-01-01", "2026-06-30"));
    said.certifications.push(certified("ISO 27001", "2020-01-01", "2030-12-31"));
    let site = entry(0, said, 1);
    let day = 86_400;
    for (days, permitted) in [(-152, false), (-151, true), (0, true), (29, true), (30, false)] {
        let now = Timestamp::from_seconds(NOW.seconds() + days * day);
        assert_eq!(verdict(&text, Action::Store, &site, now).is_permit(), permitted, "{days} days");
    }
}

#[test]
fn an_error_denies() {
    let site = entry(0, statement("mairie", 0, 0), 1);
    // A forbid that fails: Cedar passes over it, and would permit.
    let text = cedar(
        "permit (principal, action == Action::\"store\", resource);\n\
         @id(\"broken\") forbid (principal, action, resource)\n\
         when { resource.latitude * 9223372036854775807 > 0 };\n",
    );
    match verdict(&text, Action::Store, &site, NOW) {
        Verdict::Failed { rules, .. } => {
            assert_eq!(rules.len(), 1);
            assert_eq!(rules[0].name, RuleName::Given("broken".to_owned()));
        }
        other => panic!("{other:?}"),
    }
    // A permit that fails beside one that does not.
    let text = cedar(
        "permit (principal, action == Action::\"store\", resource);\n\
         permit (principal, action == Action::\"store\", resource)\n\
         when { resource.latitude * 9223372036854775807 > 0 };\n",
    );
    assert!(!verdict(&text, Action::Store, &site, NOW).is_permit());
}

#[test]
fn a_verdict_names_its_rules() {
    let text = cedar(
        "permit (principal, action == Action::\"store\", resource) when { resource.in_eu };\n\
         @id(\"ue\") @fr(\"exploitant contrôlé hors de l'UE\") forbid (principal, action, resource)\n\
         unless { resource.control_in_eu };\n",
    );
    let american = entry(0, statement("sam", 0, 4), 1);
    match verdict(&text, Action::Store, &american, NOW) {
        Verdict::Forbidden { rules } => {
            assert_eq!(rules[0].name, RuleName::Given("ue".to_owned()));
            assert_eq!(rules[0].french.as_deref(), Some("exploitant contrôlé hors de l'UE"));
        }
        other => panic!("{other:?}"),
    }
    let mut said = statement("sion", 0, 0);
    said.country = placement::facts::Country::new("CH").unwrap_or_else(|error| panic!("{error}"));
    match verdict(&text, Action::Store, &entry(1, said, 1), NOW) {
        Verdict::NotPermitted { rules } => assert_eq!(rules[0].name, RuleName::Number(1)),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_text_makes_it_panic(at in 0_usize..180, cut in 0_usize..30, put in "[ -~é\n]{0,10}") {
        let good = "cedar = \"\"\"\npermit (principal, action == Action::'store', resource)\n\
                    when { resource.in_eu };\n\"\"\"\n[spread]\nsurvive = 2\ngeometry = '3+2'\n\
                    home = 'mairie'\n".replace("'store'", "\\\"store\\\"");
        let at = at.min(good.len());
        let end = (at + cut).min(good.len());
        let text = format!("{}{put}{}", &good[..at], &good[end..]);
        if let Err(error) = Policy::parse(&text) {
            prop_assert!(!error.faults.is_empty());
        }
    }
}
