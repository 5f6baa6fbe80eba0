//! Steps of parts that drift, one case at a time; the campaign tries them by the thousand.

use placement::{Candidates, Drifted, Move, Refusal, SiteEntry, SiteState, Stuck};
use units::{ByteCount, DiskId, SimRandom};

use crate::trial::{GIB, NOW, SUBJECT, disk_id, entry, map, policy, site_id, sites_in, statement};

const NEED: ByteCount = ByteCount::new(GIB);

/// Steps of a part on these disks until nothing is left to do, or why none is.
fn steps(
    sites: &[SiteEntry],
    document: &str,
    code: &str,
    slots: &[DiskId],
) -> (Vec<Move>, Option<Stuck>) {
    let map = map(sites.to_vec());
    let candidates = Candidates::of(&map, &policy(document), SUBJECT, NOW);
    let (Ok(candidates), Ok(code)) = (candidates, code.parse()) else { panic!() };
    let random = SimRandom::seeded(4);
    let (mut slots, mut steps) = (slots.to_vec(), Vec::new());
    for _ in 0..20 {
        match candidates.next_move(&map, code, &slots, NEED, &random) {
            Ok(None) => {
                assert_eq!(candidates.drifts(&map, code, &slots), Vec::new());
                return (steps, None);
            }
            Ok(Some(step)) => {
                slots[step.slot] = step.to;
                steps.push(step);
            }
            Err(stuck) => return (steps, Some(stuck)),
        }
    }
    panic!("it does not end: {steps:?}");
}

fn on(sites: &[usize]) -> Vec<DiskId> {
    sites.iter().map(|site| disk_id(*site, 0)).collect()
}

#[test]
fn what_keeps_the_policy_stays() {
    let (steps, stuck) = steps(&sites_in(&[0, 1, 4, 6, 7]), "", "3+2", &on(&[0, 1, 2, 3, 4]));
    assert_eq!((steps.len(), stuck), (0, None));
}

#[test]
fn a_site_is_drained_by_one_step() {
    let mut sites = sites_in(&[0, 1, 4, 6, 7, 2]);
    sites[3].state = SiteState::Draining;
    let (steps, stuck) = steps(&sites, "", "3+2", &on(&[0, 1, 2, 3, 4]));
    assert_eq!(stuck, None);
    let expected = Move { slot: 3, from: disk_id(3, 0), to: disk_id(5, 0), site: site_id(5) };
    assert_eq!(steps, [expected]);
}

/// Two of each of two operators and one of a third; a sixth site of the operator numbered.
fn of_operators(sixth: usize) -> (Vec<Move>, Option<Stuck>) {
    let operators = [0, 0, 1, 1, 2, sixth];
    let site = |(at, operator): (usize, &usize)| {
        entry(at, statement(&format!("site {at}"), at, *operator), 1)
    };
    let mut sites: Vec<_> = operators.iter().enumerate().map(site).collect();
    sites[1].state = SiteState::Draining;
    steps(&sites, "[spread]\ndistinct = 'operator'", "3+2", &on(&[0, 1, 2, 3, 4]))
}

#[test]
fn a_drain_gathers_nothing_that_one_loss_takes_away() {
    let (steps, _) = of_operators(1);
    assert_eq!(steps, [], "three of five would be with one operator");
    let (steps, _) = of_operators(2);
    assert_eq!(
        steps.iter().map(|step| (step.slot, step.site)).collect::<Vec<_>>(),
        [(1, site_id(5))]
    );
}

#[test]
fn without_a_sixth_site_the_drain_says_what_is_missing() {
    let mut sites = sites_in(&[0, 1, 4, 6, 7]);
    sites[3].state = SiteState::Draining;
    let (steps, stuck) = steps(&sites, "", "3+2", &on(&[0, 1, 2, 3, 4]));
    assert_eq!(steps, []);
    let Some(Stuck::Refused(Refusal::TooFew(few))) = stuck else { panic!("{stuck:?}") };
    assert_eq!((few.missing(), few.fitting.len()), (1, 4));
}

#[test]
fn a_stricter_rule_spreads_a_part_again() {
    let sites = sites_in(&[0, 0, 4, 6]);
    let document = "[spread]\nsurvive = 2\ndistinct = 'commune'";
    let (steps, stuck) = steps(&sites, document, "1+2", &on(&[0, 1, 2]));
    assert_eq!((steps.len(), stuck), (1, None));
    assert_eq!(steps[0].site, site_id(3));
}

#[test]
fn an_old_part_of_one_site_spreads_over_those_that_joined() {
    let mut sites = sites_in(&[0, 4, 6]);
    sites[0] = entry(0, statement("a", 0, 0), 3);
    let slots = [disk_id(0, 0), disk_id(0, 1), disk_id(0, 2)];
    let (steps, stuck) = steps(&sites, "", "2+1", &slots);
    assert_eq!((steps.len(), stuck), (2, None));
}

#[test]
fn moving_house_goes_over_every_disk() {
    let mut sites = sites_in(&[0, 4]);
    sites[0] = entry(0, statement("a", 0, 0), 3);
    sites[0].state = SiteState::Draining;
    sites[1] = entry(1, statement("b", 4, 1), 3);
    let slots = [disk_id(0, 0), disk_id(0, 1), disk_id(0, 2)];
    let (steps, stuck) = steps(&sites, "", "2+1", &slots);
    assert_eq!((steps.len(), stuck), (3, None));
    assert!(steps.iter().all(|step| step.site == site_id(1)));
}

#[test]
fn a_site_that_joins_takes_its_share() {
    let mut sites = sites_in(&[0, 1, 4, 6]);
    for site in &mut sites[..3] {
        site.disks[0].facts.free = ByteCount::new(10 * GIB);
    }
    sites[1].disks[0].facts.free = ByteCount::new(5 * GIB);
    sites[3].disks[0].facts.free = ByteCount::new(100 * GIB);
    let (steps, stuck) = steps(&sites, "[spread]\nprefer = 'space'", "2+1", &on(&[0, 1, 2]));
    assert_eq!(stuck, None);
    // The fullest gives; then all are about equally full as far as this part knows.
    assert_eq!((steps[0].from, steps[0].site), (disk_id(1, 0), site_id(3)));
}

#[test]
fn a_home_gathers_its_fragments() {
    let sites = {
        let mut sites = sites_in(&[0, 1, 4, 6]);
        sites[0] = entry(0, statement("a", 0, 0), 2);
        sites
    };
    let (steps, stuck) = steps(&sites, "[spread]\nhome = 'a'", "2+2", &on(&[0, 1, 2, 3]));
    assert_eq!((steps.len(), stuck), (1, None));
    assert_eq!(steps[0].to, disk_id(0, 1));
}

#[test]
fn a_code_that_survives_too_little_is_told() {
    let sites = sites_in(&[0, 1, 4, 6]);
    let (steps, stuck) = steps(&sites, "[spread]\nsurvive = 2", "2+1", &on(&[0, 1, 2]));
    assert_eq!((steps.len(), stuck), (0, Some(Stuck::Code)));
}

#[test]
fn a_lost_fragment_is_rebuilt_where_it_fits() {
    let mut sites = sites_in(&[0, 0, 4, 6]);
    sites[2].reachable = false;
    let map = map(sites);
    let policy = policy("[spread]\nsurvive = 2\ndistinct = 'commune'");
    let candidates = Candidates::of(&map, &policy, SUBJECT, NOW);
    let (Ok(candidates), Ok(code)) = (candidates, "1+1".parse()) else { panic!() };
    let random = SimRandom::seeded(4);
    // Site 1 is in the commune of site 0, which holds the other fragment.
    let slots = on(&[0, 2]);
    let built = candidates.rebuild(&map, code, &slots, 1, NEED, &random);
    assert_eq!(built.map(|slot| slot.site), Ok(site_id(3)));
    // A bad fragment on a sound disk is rewritten in place.
    let built = candidates.rebuild(&map, code, &slots, 0, NEED, &random);
    assert_eq!(built.map(|slot| slot.disk), Ok(disk_id(0, 0)));
    // With the only other commune away there is nowhere to go.
    let Ok(wide) = "1+2".parse() else { panic!() };
    let built = candidates.rebuild(&map, wide, &on(&[0, 2, 3]), 1, NEED, &random);
    assert!(built.is_err(), "{built:?}");
    let weak = candidates.drifts(&map, code, &slots);
    assert!(matches!(weak[0].what, Drifted::Survives { survived: 1, asked: 2 }), "{weak:?}");
}

#[test]
fn a_rule_that_cannot_be_kept_still_says_what_drifts() {
    let mut sites = sites_in(&[0, 4, 6]);
    sites[1].state = SiteState::Draining;
    let document = "[spread]\nsurvive = 2";
    let map = map(sites);
    let candidates = Candidates::survey(&map, &policy(document), SUBJECT, NOW);
    assert!(matches!(candidates.refusal(), Some(Refusal::TooFew(_))));
    let Ok(code) = "1+2".parse() else { panic!() };
    let drifts = candidates.drifts(&map, code, &on(&[0, 1, 2]));
    assert_eq!(drifts.iter().map(|drift| drift.slot).collect::<Vec<_>>(), [Some(1)]);
    let random = SimRandom::seeded(4);
    let step = candidates.next_move(&map, code, &on(&[0, 1, 2]), NEED, &random);
    assert!(matches!(step, Err(Stuck::Refused(Refusal::TooFew(_)))), "{step:?}");
    // Away from a site that must not hold it, if that can be, though the rule is not met.
    let step = candidates.next_move(&map, code, &on(&[0, 1, 1]), NEED, &random);
    assert_eq!(step.map(|step| step.map(|step| step.site)), Ok(Some(site_id(2))));
    // Without any site at all everything drifts, and nothing moves.
    let nobody = "cedar = 'forbid (principal, action, resource);'";
    let none = Candidates::survey(&map, &policy(nobody), SUBJECT, NOW);
    assert!(matches!(none.refusal(), Some(Refusal::NoSite { .. })));
    assert_eq!(none.drifts(&map, code, &on(&[0, 1, 2])).len(), 3);
    assert!(none.next_move(&map, code, &on(&[0, 1, 2]), NEED, &random).is_err());
    assert!(none.plan(&map, NEED, &random).is_err());
    // Nothing new is placed under a part of the rule only.
    let home = policy("[spread]\nhome = 'b'");
    let candidates = Candidates::survey(&map, &home, SUBJECT, NOW);
    let refusal = candidates.plan(&map, NEED, &random);
    assert!(matches!(refusal, Err(Refusal::HomeRefused(_))), "{refusal:?}");
}
