//! The planner beside a judge that tries every set of sites.

use placement::facts::Position;
use placement::{
    Candidates, Geometry, Refusal, SiteEntry, SiteMap, SiteState, guarantee, plan, satisfiable,
};
use proptest::prelude::*;
use units::{ByteCount, DiskId, Epoch, SimRandom};

use crate::trial::judge::{goes_with, groups, most_together, permitted, survives, violations};
use crate::trial::{GIB, NOW, SUBJECT, disk_id, entry, map, policy, site_id, sites_in, statement};

const NEED: ByteCount = ByteCount::new(GIB);

/// One site of a random map: town, operator, free GiB, reachable, healthy, draining.
pub type Drawn = (usize, usize, u64, bool, bool, bool);

pub fn drawn() -> impl Strategy<Value = Drawn> {
    let often = |weight| prop::bool::weighted(weight);
    (0_usize..8, 0_usize..5, 0_u64..60, often(0.85), often(0.9), often(0.1))
}

pub fn build(drawn: &[Drawn]) -> SiteMap {
    let site = |(at, (town, operator, free, reachable, healthy, draining)): (usize, &Drawn)| {
        let name = format!("site {at}");
        let mut site = entry(at, statement(&name, *town, *operator), 1 + at % 3);
        for disk in &mut site.disks {
            disk.facts.free = ByteCount::new(free * GIB);
            disk.facts.healthy = *healthy;
        }
        site.reachable = *reachable;
        site.state = if *draining { SiteState::Draining } else { SiteState::Active };
        site
    };
    map(drawn.iter().enumerate().map(site).collect())
}

pub fn rule_text() -> impl Strategy<Value = String> {
    let survive = prop::option::of(1_u8..4).prop_map(|it| it.map(|it| format!("survive = {it}\n")));
    let distinct =
        prop::option::of(prop::sample::select(vec!["site", "commune", "departement", "operator"]));
    let distinct = distinct.prop_map(|it| it.map(|it| format!("distinct = '{it}'\n")));
    let distance = prop::option::of(1_u16..300);
    let distance = distance.prop_map(|it| it.map(|it| format!("min_distance_km = {it}\n")));
    let prefer = any::<bool>().prop_map(|it| it.then(|| "prefer = 'space'\n".to_owned()));
    let eu = any::<bool>().prop_map(|it| {
        let text = "cedar = '''permit (principal, action == Action::\"store\", resource) \
                    when { resource.control_in_eu };'''\n";
        if it { text } else { "" }
    });
    (survive, distinct, distance, prefer, eu).prop_map(
        |(survive, distinct, distance, prefer, eu)| {
            let lines = [survive, distinct, distance, prefer].into_iter().flatten();
            format!("{eu}[spread]\n{}", lines.collect::<String>())
        },
    )
}

fn has_room(site: &SiteEntry) -> bool {
    site.disks.iter().any(|disk| disk.facts.healthy && disk.facts.free >= NEED)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is returned keeps the rule, as the judge sees it; and if nothing is
    /// returned, the judge finds nothing either.
    #[test]
    fn a_plan_is_found_if_there_is_one(
        drawn in prop::collection::vec(drawn(), 1..9),
        rule in rule_text(),
        seed in any::<u64>(),
    ) {
        let map = build(&drawn);
        let policy = policy(&rule);
        let random = SimRandom::seeded(seed);
        let good = permitted(&map, &policy, NOW);
        let rule = policy.rule();
        let expected = most_together(rule, &good);
        let ready: Vec<&SiteEntry> =
            good.iter().copied().filter(|site| site.reachable && has_room(site)).collect();
        let now = most_together(rule, &ready);
        let asked = rule.survive_least().map(usize::from);
        match plan(&map, &policy, SUBJECT, NOW, NEED, &random) {
            Ok(placed) => {
                prop_assert_eq!(placed.epoch, map.epoch());
                let (data, total) = (placed.geometry.data(), placed.geometry.total());
                prop_assert_eq!(placed.slots.len(), usize::from(total));
                let disks = placed.disks();
                if expected > 1 {
                    prop_assert_eq!(violations(&map, &policy, data, &disks, NOW), (0, 0));
                }
                let sites: Vec<&SiteEntry> =
                    placed.slots.iter().filter_map(|slot| map.site(slot.site)).collect();
                prop_assert!(sites.iter().all(|site| good.contains(site) && has_room(site)));
                for slot in &placed.slots {
                    prop_assert_eq!(map.site_of(slot.disk), Some(slot.site));
                }
                let survived = survives(usize::from(data), &groups(rule, &sites));
                let least = asked.unwrap_or(usize::from(expected > 1));
                prop_assert!(survived >= Some(least), "{survived:?}");
                // What is durable at once survives any one domain.
                if expected > 1 {
                    let there: Vec<&SiteEntry> =
                        sites.iter().copied().filter(|site| site.reachable).collect();
                    prop_assert!(survives(usize::from(data), &groups(rule, &there)) >= Some(1));
                }
                // Nobody away is chosen if those that answer suffice for as much.
                if now > usize::from(placed.geometry.parity()) && expected > 1 {
                    prop_assert!(sites.iter().all(|site| site.reachable));
                }
            }
            Err(Refusal::NoSite { .. }) => prop_assert!(good.is_empty()),
            Err(Refusal::Disks { .. }) => prop_assert_eq!(expected, 1),
            Err(Refusal::TooFew(few)) => {
                prop_assert!(few.missing() > 0);
                let least = asked.unwrap_or(1);
                prop_assert_eq!(few.wanted, least + 1);
                prop_assert!(now <= least, "{now} sites would do");
                prop_assert_eq!(few.fitting.len(), if expected <= least { expected } else { now });
                // Every site is either among those that fit or has its reason.
                let told = few.fitting.len() + few.refused.len();
                prop_assert_eq!(told, map.sites().len());
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
        let saved = satisfiable(&map, &policy, SUBJECT, NOW);
        let wanted = asked.map_or(1, |asked| asked + 1);
        prop_assert_eq!(saved.is_ok(), expected >= wanted);
        if let Ok(example) = saved {
            let sites: Vec<&SiteEntry> =
                example.sites.iter().filter_map(|site| map.site(*site)).collect();
            prop_assert_eq!(most_together(rule, &sites), example.sites.len());
        }
    }

    /// The sum of a guarantee is what trying every loss finds.
    #[test]
    fn a_guarantee_is_what_losses_leave(
        drawn in prop::collection::vec(drawn(), 1..7),
        slots in prop::collection::vec((0_usize..7, 0_usize..3), 1..9),
        data in 1_u8..5,
    ) {
        let map = build(&drawn);
        let slots: Vec<DiskId> = slots.iter().map(|(site, disk)| disk_id(*site, *disk)).collect();
        let geometry: Geometry = format!("{data}+4").parse().map_err(|_| TestCaseError::fail(""))?;
        let got = guarantee(geometry, &slots, &map);
        let holds = |disk: &DiskId| {
            let site = map.site(map.site_of(*disk)?)?;
            let healthy = |held: &&placement::SiteDisk| held.facts.id == *disk && held.facts.healthy;
            site.disks.iter().find(healthy).map(|_| site)
        };
        let sites: Vec<&SiteEntry> = slots.iter().filter_map(holds).collect();
        prop_assert_eq!(got.fragments, sites.len());
        for (distinct, survived) in [
            ("site", got.sites),
            ("commune", got.communes),
            ("departement", got.departements),
        ] {
            let policy = policy(&format!("[spread]\ndistinct = '{distinct}'"));
            let expected = survives(usize::from(data), &groups(policy.rule(), &sites));
            prop_assert_eq!(survived, expected, "{}", distinct);
        }
        for site in &sites {
            let held = sites.iter().filter(|other| other.id() == site.id()).count();
            prop_assert_eq!(got.whole_at.contains(&site.id()), held >= usize::from(data));
        }
    }

    /// With a home: a whole set there, and it may vanish all the same.
    #[test]
    fn a_home_holds_a_whole_set(
        drawn in prop::collection::vec(drawn(), 2..8),
        rule in rule_text(),
        seed in any::<u64>(),
    ) {
        let mut map = build(&drawn);
        let policy = policy(&format!("{rule}home = 'site 0'\n"));
        let rule = policy.rule();
        let good = permitted(&map, &policy, NOW);
        let random = SimRandom::seeded(seed);
        let home = map.sites().iter().find(|site| site.id() == site_id(0)).cloned();
        let Some(home) = home else { return Ok(()) };
        match plan(&map, &policy, SUBJECT, NOW, NEED, &random) {
            Ok(placed) => {
                let data = placed.geometry.data();
                let at_home = placed.slots.iter().filter(|slot| slot.site == home.id()).count();
                let sites: Vec<&SiteEntry> =
                    placed.slots.iter().filter_map(|slot| map.site(slot.site)).collect();
                prop_assert!(sites.iter().all(|site| good.contains(site)));
                let alone = sites.iter().all(|site| site.id() == home.id());
                if !alone {
                    prop_assert_eq!(at_home, usize::from(data));
                    prop_assert!(placed.slots[..at_home].iter().all(|slot| slot.site == home.id()));
                    prop_assert_eq!(violations(&map, &policy, data, &placed.disks(), NOW), (0, 0));
                    let least = rule.survive_least().map_or(1, usize::from);
                    let survived = survives(usize::from(data), &groups(rule, &sites));
                    prop_assert!(survived >= Some(least));
                }
            }
            Err(Refusal::HomeRefused(_)) => {
                let usable = good.contains(&&home) && home.reachable && has_room(&home);
                prop_assert!(!usable);
            }
            Err(Refusal::TooFew(few)) => {
                let beside: Vec<&SiteEntry> = good
                    .iter()
                    .copied()
                    .filter(|site| goes_with(rule, &home, site) && site.reachable && has_room(site))
                    .collect();
                prop_assert!(most_together(rule, &beside) + 1 < few.wanted);
            }
            Err(Refusal::Disks { .. }) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
        map = build(&[]);
        let empty = plan(&map, &policy, SUBJECT, NOW, NEED, &random);
        let is_unknown = matches!(empty, Err(Refusal::HomeUnknown { .. }));
        prop_assert!(is_unknown);
    }
}

#[test]
fn unequal_sites_fill_evenly() {
    let mut sites = sites_in(&[0; 6]);
    for (site, size) in sites.iter_mut().zip([400, 200, 200, 100, 100, 100]) {
        for disk in &mut site.disks {
            disk.facts.free = ByteCount::new(size * GIB);
            disk.capacity = ByteCount::new(size * GIB);
        }
    }
    let policy = policy("[spread]\ngeometry = '1+1'");
    let random = SimRandom::seeded(5);
    let mut written = 0;
    loop {
        let map = map(sites.clone());
        let Ok(placed) = plan(&map, &policy, SUBJECT, NOW, NEED, &random) else { break };
        for slot in &placed.slots {
            let at = (0..6).find(|at| site_id(*at) == slot.site).unwrap_or_default();
            let facts = &mut sites[at].disks[0].facts;
            facts.free = facts.free.minus(NEED);
        }
        written += 1;
        if written == 275 {
            // Half of all room is taken: each site is about half full.
            for (site, size) in sites.iter().zip([400, 200, 200, 100, 100, 100]) {
                let used = size - site.disks[0].facts.free.get() / GIB;
                assert!((35..=65).contains(&(used * 100 / size)), "{used} of {size} GiB");
            }
        }
    }
    // 1,100 GiB of room hold 550 pairs at the most.
    assert!(written >= 520, "{written} parts written");
}

#[test]
fn a_map_of_another_epoch_is_refused() {
    let sites = sites_in(&[0, 4, 6]);
    let policy = policy("");
    let candidates = Candidates::of(&map(sites.clone()), &policy, SUBJECT, NOW);
    let Ok(candidates) = candidates else { panic!("{candidates:?}") };
    let Ok(later) = SiteMap::new(Epoch::new(8), sites) else { panic!() };
    let random = SimRandom::seeded(1);
    let stale = Refusal::StaleMap { asked: Epoch::new(7), map: Epoch::new(8) };
    assert_eq!(candidates.plan(&later, NEED, &random), Err(stale));
}

#[test]
fn candidates_say_until_when_they_hold() {
    let mut sites = sites_in(&[0, 4, 6]);
    let mut said = statement("d", 7, 3);
    said.certifications.push(crate::trial::certified("HDS", "2026-01-01", "2026-06-30"));
    sites.push(entry(3, said, 1));
    let candidates = Candidates::of(&map(sites), &policy(""), SUBJECT, NOW);
    let until = candidates.ok().and_then(|candidates| candidates.until());
    assert_eq!(until.map(|until| until.since(NOW).as_secs()), Some(30 * 86_400));
}

#[test]
fn sites_at_one_place_are_no_distance_apart() {
    let here = Position::from_micro_degrees(0, 0);
    let mut sites = sites_in(&[0, 0]);
    for site in &mut sites {
        let Ok(here) = here else { panic!() };
        let mut facts = (*site.facts).clone();
        facts.statement.position = here;
        site.facts = std::sync::Arc::new(facts);
    }
    let map = map(sites);
    let got = guarantee(
        Geometry::for_sites(2, placement::Prefer::Safety).unwrap_or_else(|| panic!()),
        &[disk_id(0, 0), disk_id(1, 0)],
        &map,
    );
    assert_eq!(got.nearest.map(placement::facts::Metres::get), Some(0));
    assert_eq!((got.sites, got.communes), (Some(1), Some(0)));
}
