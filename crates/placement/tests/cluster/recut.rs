//! Which code a part gets that cannot stay as it is: case by case, and beside the judge.

use placement::{Candidates, Drift, Drifted, Geometry, SiteEntry, SiteState, plan};
use proptest::prelude::*;
use units::{ByteCount, DiskId, SimRandom};

use super::plans::{build, drawn, rule_text};
use crate::trial::judge::{groups, permitted, survives, violations};
use crate::trial::{GIB, NOW, SUBJECT, disk_id, map, policy, sites_in};

/// Sealed bytes of every part here.
const SEALED: ByteCount = ByteCount::new(3 * GIB);

/// Sites in towns that are far apart.
fn sites(count: usize) -> Vec<SiteEntry> {
    let towns = [0, 1, 4, 6, 7, 2, 3, 5];
    sites_in(towns.get(..count).unwrap_or(&towns))
}

/// The code that a part of this code gets, which has a slot at each of the first sites;
/// nothing is to be expected of those that are gone.
fn check(sites: &[SiteEntry], gone: &[usize], document: &str, code: &str, expected: Option<&str>) {
    let map = map(sites.to_vec());
    let candidates = Candidates::survey(&map, &policy(document), SUBJECT, NOW);
    let code: Geometry = code.parse().unwrap_or_else(|error| panic!("{error:?}"));
    let slots: Vec<DiskId> = (0..usize::from(code.total())).map(|at| disk_id(at, 0)).collect();
    let is_gone = |site| gone.iter().any(|at| sites[*at].id() == site);
    let random = SimRandom::seeded(5);
    let got = candidates.recut(&map, (code, &slots), SEALED, is_gone, &random);
    let said = got.as_ref().map(|placement| placement.geometry.to_string());
    assert_eq!(said.as_deref(), expected, "{got:?}");
    let Some(placement) = got else { return };
    assert_eq!(candidates.drifts(&map, placement.geometry, &placement.disks()), []);
    let all_there = placement.slots.iter().all(|slot| {
        map.site(slot.site).is_some_and(|site| site.reachable && site.state == SiteState::Active)
    });
    assert!(all_there, "{placement:?}");
}

fn draining(count: usize, drained: usize) -> Vec<SiteEntry> {
    let mut sites = sites(count);
    sites[drained].state = SiteState::Draining;
    sites
}

#[test]
fn a_site_that_is_emptied_leaves_a_code_for_the_others() {
    check(&draining(5, 3), &[], "", "3+2", Some("2+2"));
    check(&draining(6, 0), &[], "", "4+2", Some("3+2"));
    check(&draining(4, 1), &[], "", "2+2", Some("1+2"));
    check(&draining(3, 2), &[], "", "1+2", Some("1+1"));
    check(&draining(4, 1), &[], "[spread]\nprefer = 'space'\nsurvive = 1", "2+2", Some("2+1"));
    // The disks of one site are not two sites.
    check(&draining(2, 0), &[], "", "1+1", None);
}

#[test]
fn no_code_does_worse_than_the_rule_asks_for() {
    check(&draining(5, 3), &[], "[spread]\ngeometry = '3+2'", "3+2", None);
    check(&draining(4, 3), &[], "[spread]\nsurvive = 3", "1+3", None);
    check(&draining(5, 3), &[], "[spread]\nsurvive = 3", "2+3", Some("1+3"));
}

#[test]
fn a_rule_that_asks_for_more_gets_it() {
    check(&sites(5), &[], "[spread]\nsurvive = 2", "2+1", Some("3+2"));
    check(&sites(5), &[], "[spread]\ngeometry = '2+3'", "3+2", Some("2+3"));
    let of_code = |document: &str, code: Geometry| {
        let map = map(sites(5));
        let candidates = Candidates::survey(&map, &policy(document), SUBJECT, NOW);
        let slots: Vec<DiskId> = (0..5).map(|at| disk_id(at, 0)).collect();
        candidates.drifts(&map, code, &slots)
    };
    let code = |text: &str| text.parse::<Geometry>().unwrap_or_else(|error| panic!("{error:?}"));
    let (has, asked) = (code("3+2"), code("2+2"));
    let drift = Drift { slot: None, what: Drifted::Code { has, asked } };
    assert_eq!(of_code("[spread]\ngeometry = '2+2'", has), [drift]);
    assert_eq!(of_code("[spread]\ngeometry = '3+2'", has), []);
    assert_eq!(of_code("[spread]\ngeometry = '3+1'", has), [], "it survives more");
}

#[test]
fn a_site_that_is_away_for_a_while_is_waited_for() {
    let mut away = draining(6, 0);
    away[4].reachable = false;
    check(&away, &[], "", "4+2", None);
    // It never comes back: what the others can do.
    check(&away, &[4], "", "4+2", Some("2+2"));
    // Its disks are not known to be healthy either.
    away[4].disks[0].facts.healthy = false;
    check(&away, &[], "", "4+2", None);
}

#[test]
fn a_site_without_room_is_passed_over() {
    let mut full = draining(6, 0);
    full[2].disks[0].facts.free = ByteCount::ZERO;
    check(&full, &[], "", "4+2", Some("2+2"));
    // Room for a third of the part, and not for a half of it.
    let mut short = draining(6, 0);
    short[2].disks[0].facts.free = ByteCount::new(GIB);
    check(&short, &[], "", "4+2", Some("3+2"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever it is, it keeps the rule as the judge sees it; and if all sites answer it is
    /// what a new part would get.
    #[test]
    fn what_a_part_gets_keeps_the_rule(
        drawn in prop::collection::vec(drawn(), 2..9),
        rule in rule_text(),
        (data, parity) in (1_u8..5, 0_u8..4),
        lies in prop::collection::vec(0_usize..9, 8),
        seed in any::<u64>(),
    ) {
        let map = build(&drawn);
        let policy = policy(&rule);
        let random = SimRandom::seeded(seed);
        let candidates = Candidates::survey(&map, &policy, SUBJECT, NOW);
        let geometry = Geometry::new(data, parity).unwrap_or_else(|| panic!());
        let slots: Vec<DiskId> =
            lies.iter().take(usize::from(data + parity)).map(|at| disk_id(*at, 0)).collect();
        let ask = (geometry, slots.as_slice());
        let Some(placed) = candidates.recut(&map, ask, SEALED, |_| false, &random) else {
            return Ok(());
        };
        let (data, disks) = (placed.geometry.data(), placed.disks());
        prop_assert_eq!(violations(&map, &policy, data, &disks, NOW), (0, 0));
        let good = permitted(&map, &policy, NOW);
        let sites: Vec<&SiteEntry> =
            placed.slots.iter().filter_map(|slot| map.site(slot.site)).collect();
        prop_assert_eq!(sites.len(), usize::from(placed.geometry.total()));
        prop_assert!(sites.iter().all(|site| good.contains(site) && site.reachable));
        let rule = policy.rule();
        let survived = survives(usize::from(data), &groups(rule, &sites));
        prop_assert!(survived >= Some(usize::from(rule.survive_least().unwrap_or(1))));
        let may_stay: Vec<&SiteEntry> = slots
            .iter()
            .filter_map(|disk| map.site_of(*disk).and_then(|site| map.site(site)))
            .filter(|site| good.contains(site))
            .collect();
        let was = survives(usize::from(geometry.data()), &groups(rule, &may_stay));
        prop_assert!(survived >= was, "{survived:?} {was:?}");
        if map.sites().iter().all(|site| site.reachable) {
            let new = |data: u8| {
                let need = ByteCount::new(SEALED.get().div_ceil(u64::from(data)));
                plan(&map, &policy, SUBJECT, NOW, need, &random).map(|new| new.geometry)
            };
            let found = new(data);
            // One of fewer data fragments may not find the room that it needs.
            let has_room = found.as_ref().is_ok_and(|found| new(found.data()).as_ref() == Ok(found));
            if has_room || found.is_err() {
                prop_assert_eq!(found.ok().map(Geometry::parity), Some(placed.geometry.parity()));
            }
        }
    }
}
