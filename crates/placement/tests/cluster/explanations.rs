//! What people are told, in both languages: each text as a whole, in
//! `golden/explanations.txt`. In that file a `~` stands for a no-break space.

use placement::Language::{English, French};
use placement::{
    Candidates, Drift, Drifted, Language, SiteEntry, SiteState, SiteStatement, guarantee, plan,
    satisfiable,
};
use units::{ByteCount, SimRandom};

use crate::trial::{
    GIB, NOW, SUBJECT, certified, disk_id, entry, map, policy, sites_in, statement,
};

const EU: &str = r#"cedar = '''
permit (principal, action == Action::"store", resource);
@id("ue")
@fr("exploitant contrôlé hors de l'UE")
@en("operator controlled from outside the EU")
forbid (principal, action, resource) unless { resource.control_in_eu };
'''
"#;

const HDS: &str = r#"cedar = '''
@id("hds") @fr("certifié HDS") @en("certified HDS")
permit (principal, action == Action::"store", resource)
when { resource.certifications.contains("HDS") };
'''
"#;

const BROKEN: &str = r#"cedar = '''
permit (principal, action == Action::"store", resource)
when { resource.latitude * 9223372036854775807 > 0 };
'''
"#;

/// All that was said, as the golden file has it.
struct Told(String);

impl Told {
    fn say(&mut self, case: &str, said: impl Fn(Language) -> String) {
        let line = |language| said(language).replace('\u{a0}', "~");
        self.0.extend(["# ", case, "\n", &line(French), "\n", &line(English), "\n\n"]);
    }

    /// Plans on these sites under this document, and notes why that is refused.
    fn refusal(&mut self, case: &str, sites: Vec<SiteEntry>, document: &str) {
        let need = ByteCount::new(GIB);
        let random = SimRandom::seeded(1);
        let refusal = plan(&map(sites), &policy(document), SUBJECT, NOW, need, &random);
        let Err(refusal) = refusal else { panic!("{case} is not refused: {refusal:?}") };
        assert_eq!(refusal.to_string(), refusal.explain(English));
        self.say(case, |language| refusal.explain(language));
    }
}

#[test]
fn people_are_told_why() {
    let mut told = Told(String::new());
    refusals(&mut told);
    refusals_of_now(&mut told);
    drifts(&mut told);
    guarantees(&mut told);
    examples(&mut told);
    if std::env::var_os("ESSAIM_BLESS").is_some() {
        let written = std::fs::write("tests/golden/explanations.txt", &told.0);
        return assert!(written.is_ok(), "{written:?}");
    }
    let golden = include_str!("../golden/explanations.txt");
    for (at, (said, expected)) in told.0.lines().zip(golden.lines()).enumerate() {
        assert_eq!(said, expected, "line {} of golden/explanations.txt", at + 1);
    }
    assert_eq!(told.0.lines().count(), golden.lines().count());
}

fn refusals(told: &mut Told) {
    let rule = |text: &str| format!("[spread]\n{text}");
    told.refusal("no site", vec![], "");
    told.refusal("one site, two asked for", sites_in(&[0]), &rule("survive = 1"));
    told.refusal("one commune", sites_in(&[0, 0]), &rule("distinct = 'commune'"));
    let document = rule("survive = 3\ndistinct = 'departement'");
    told.refusal("two départements", sites_in(&[0, 1, 4, 5]), &document);
    let mut sites = sites_in(&[0, 4]);
    sites[1] = entry(1, statement("b", 4, 0), 1);
    told.refusal("one operator", sites, &rule("distinct = 'operator'"));
    let document = rule("survive = 2\nmin_distance_km = 5\ndistinct = 'operator'");
    told.refusal("too near", sites_in(&[0, 2, 6]), &document);
    told.refusal("a code for more sites", sites_in(&[0, 4]), &rule("geometry = '3+2'"));
    let mut sites = sites_in(&[0, 4, 6]);
    sites[1] = entry(1, statement("sam", 4, 4), 1);
    sites[2].state = SiteState::Draining;
    told.refusal("control and drain", sites, &format!("{EU}[spread]\nsurvive = 1"));
    let mut said = statement("a", 0, 0);
    said.certifications.push(certified("HDS", "2020-01-01", "2025-12-31"));
    told.refusal("a certificate that ended", vec![entry(0, said, 1)], HDS);
    told.refusal("an error of the policy", sites_in(&[0]), BROKEN);
    let document = "cedar = 'forbid (principal, action, resource);'";
    told.refusal("nothing is permitted", sites_in(&[0]), document);
    let mut sites = sites_in(&[0, 4]);
    let unstated = SiteStatement::unstated("d").unwrap_or_else(|error| panic!("{error}"));
    sites.push(entry(3, unstated, 1));
    told.refusal("not stated: distance", sites.clone(), &rule("survive = 2\nmin_distance_km = 5"));
    told.refusal("not stated: commune", sites.clone(), &rule("survive = 2\ndistinct = 'commune'"));
    told.refusal(
        "not stated: operator",
        sites.clone(),
        &rule("survive = 2\ndistinct = 'operator'"),
    );
    told.refusal("not stated: Cedar", sites, &format!("{EU}[spread]\nsurvive = 2"));
    told.refusal("home unknown", sites_in(&[0, 4]), &rule("home = 'mairie'"));
    let mut sites = sites_in(&[0, 4]);
    sites[1] = entry(1, statement("a", 4, 1), 1);
    told.refusal("home ambiguous", sites, &rule("home = 'a'"));
    let mut sites = sites_in(&[0, 4]);
    sites[0].state = SiteState::Draining;
    told.refusal("home drains", sites, &rule("home = 'a'"));
}

fn refusals_of_now(told: &mut Told) {
    let mut sites = sites_in(&[0, 4, 6]);
    sites[1].reachable = false;
    sites[2].disks[0].facts.free = ByteCount::new(GIB / 2);
    told.refusal("away and full", sites, "");
    let mut sites = sites_in(&[0, 4]);
    sites[1].disks[0].facts.healthy = false;
    told.refusal("a broken disk", sites, "[spread]\ngeometry = '1+1'");
    let mut site = entry(0, statement("a", 0, 0), 3);
    for (disk, free) in site.disks.iter_mut().zip([GIB, 10, 10]) {
        disk.facts.free = ByteCount::new(free);
    }
    told.refusal("one site, its disks full", vec![site.clone()], "");
    site.disks[1].facts.healthy = false;
    site.disks[2].facts.healthy = false;
    told.refusal("one site, one disk left", vec![site.clone()], "");
    site.disks[0].facts.healthy = false;
    told.refusal("one site, no disk", vec![site], "");
}

fn drifts(told: &mut Told) {
    let mut sites = sites_in(&[0, 4, 6, 7]);
    sites[1] = entry(1, statement("sam", 4, 4), 1);
    sites[2].state = SiteState::Draining;
    let map = map(sites);
    let policy = policy(&format!("{EU}[spread]\nsurvive = 1\nhome = 'd'"));
    let candidates = Candidates::of(&map, &policy, SUBJECT, NOW);
    let Ok(candidates) = candidates else { panic!("{candidates:?}") };
    let Ok(geometry) = "2+2".parse() else { panic!() };
    let slots = [disk_id(0, 0), disk_id(1, 0), disk_id(2, 0), disk_id(9, 0)];
    for drift in candidates.drifts(&map, geometry, &slots) {
        told.say("what drifts", |language| drift.explain(language));
    }
    let weak = Drift { slot: None, what: Drifted::Survives { survived: 1, asked: 2 } };
    told.say("a weak code", |language| weak.explain(language));
    let random = SimRandom::seeded(1);
    let need = ByteCount::new(GIB);
    let moved = candidates.next_move(&map, geometry, &slots[..1].repeat(4), need, &random);
    assert!(moved.is_ok(), "{moved:?}");
    let Ok(wide) = "1+4".parse() else { panic!() };
    let on = [disk_id(3, 0), disk_id(0, 0), disk_id(1, 0), disk_id(2, 0), disk_id(2, 0)];
    let Err(stuck) = candidates.next_move(&map, wide, &on, need, &random) else { panic!() };
    told.say("nowhere to go", |language| stuck.explain(language));
    told.say("no step", |language| placement::Stuck::NoStep.explain(language));
    told.say("the code", |language| placement::Stuck::Code.explain(language));
}

fn guarantees(told: &mut Told) {
    let map = map(sites_in(&[0, 0, 4, 6, 7]));
    let mut say = |case: &str, code: &str, sites: &[usize]| {
        let Ok(geometry) = code.parse() else { panic!("{code}") };
        let disks: Vec<_> = sites.iter().map(|site| disk_id(*site, 0)).collect();
        let held = guarantee(geometry, &disks, &map);
        told.say(case, |language| held.explain(&map, language));
    };
    say("a good spread", "3+2", &[0, 1, 2, 3, 4]);
    say("a home", "2+2", &[0, 0, 2, 3]);
    say("copies", "1+2", &[0, 2, 3]);
    say("all in one place", "2+1", &[0, 0, 2]);
    say("too little left", "2+1", &[0, 8, 9]);
}

fn examples(told: &mut Told) {
    for (case, towns, document) in [
        ("a policy that can be kept", [0, 4, 6].as_slice(), "[spread]\nsurvive = 2"),
        ("a policy kept by one site", &[0], ""),
    ] {
        let map = map(sites_in(towns));
        let example = satisfiable(&map, &policy(document), SUBJECT, NOW);
        let Ok(example) = example else { panic!("{case}: {example:?}") };
        told.say(case, |language| example.explain(&map, language));
    }
}
