//! The examples of `docs/reference/policies.md` are read and do what the page says.

use placement::{Action, Policy, Refusal, SiteEntry, SiteFile, SiteMap, SitePlacement, plan};
use units::{ByteCount, SimRandom};

use crate::trial::{GIB, NOW, SUBJECT, certified, entry, map, sites_in, statement};

const PAGE: &str = include_str!("../../../../docs/reference/policies.md");

/// The TOML texts of the page, in their order.
fn examples() -> Vec<&'static str> {
    let blocks = PAGE.split("```toml\n").skip(1);
    blocks.filter_map(|block| block.split("```").next()).collect()
}

fn policy(at: usize) -> Policy {
    let text = examples()[at];
    Policy::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn placed(map: &SiteMap, policy: &Policy) -> Result<SitePlacement, Refusal> {
    plan(map, policy, SUBJECT, NOW, ByteCount::new(GIB), &SimRandom::seeded(3))
}

#[test]
fn the_page_has_five_examples() {
    assert_eq!(examples().len(), 5);
    let site = SiteFile::parse(examples()[0]);
    assert_eq!(site.map(|site| site.faults()), Ok(Vec::new()));
}

#[test]
fn only_france_and_control_in_the_union() {
    // Operators of France, France, France, Germany, the United States.
    let map = map(sites_in(&[0, 4, 6, 7, 1]));
    let Ok(placed) = placed(&map, &policy(1)) else { panic!() };
    assert_eq!(placed.geometry.to_string(), "2+2");
    let held = placed.slots.iter().filter_map(|slot| map.site(slot.site));
    let names: Vec<&str> = held.map(|site| site.facts.statement.name.as_str()).collect();
    assert!(!names.contains(&"e"), "{names:?}");
}

#[test]
fn two_communes_five_kilometres_apart() {
    // Nantes, Rezé (3 km), Saint-Herblain (7 km).
    assert!(placed(&map(sites_in(&[0, 2])), &policy(2)).is_err());
    let Ok(placed) = placed(&map(sites_in(&[0, 2, 1])), &policy(2)) else { panic!() };
    assert_eq!(placed.geometry.to_string(), "1+1");
}

#[test]
fn a_copy_at_the_town_hall() {
    let mut sites = sites_in(&[0, 4, 6, 7, 1]);
    sites[2] = entry(2, statement("mairie", 6, 2), 2);
    let home = sites[2].id();
    let Ok(placed) = placed(&map(sites), &policy(3)) else { panic!() };
    assert_eq!(placed.geometry.to_string(), "3+4");
    assert_eq!(placed.slots.iter().filter(|slot| slot.site == home).count(), 3);
}

#[test]
fn health_data() {
    let mut said = statement("a", 0, 0);
    said.certifications.push(certified("HDS", "2026-01-01", "2028-12-31"));
    let mut site = entry(0, said, 1);
    let policy = policy(4);
    let may = |site: &SiteEntry, action| policy.verdict(action, SUBJECT, site, NOW).is_permit();
    assert!(may(&site, Action::Store) && !may(&site, Action::Process));
    let mut facts = (*site.facts).clone();
    facts.statement.hosting = placement::facts::Hosting::Datacentre;
    site.facts = std::sync::Arc::new(facts);
    assert!(!may(&site, Action::Process));
    site.has_key = true;
    assert!(may(&site, Action::Process) && !may(&site, Action::Index));
}
