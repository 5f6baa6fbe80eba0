//! Golden tables: which code follows from which sites.

use placement::{Refusal, plan};
use units::{ByteCount, SimRandom};

use crate::trial::{GIB, NOW, SUBJECT, entry, map, policy, sites_in, statement};

fn check(towns: &[usize], document: &str, expected: &str) {
    let placed = plan(
        &map(sites_in(towns)),
        &policy(document),
        SUBJECT,
        NOW,
        ByteCount::new(GIB),
        &SimRandom::seeded(1),
    );
    let got = match placed {
        Ok(placed) => placed.geometry.to_string(),
        Err(Refusal::TooFew(few)) => format!("{} of {}", few.fitting.len(), few.wanted),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(got, expected, "{towns:?} {document}");
}

#[test]
fn the_code_follows_from_the_sites() {
    let same = [0; 12];
    for (count, expected) in
        [(2, "1+1"), (3, "1+2"), (4, "2+2"), (5, "3+2"), (6, "4+2"), (8, "4+2"), (9, "6+3")]
    {
        check(&same[..count], "", expected);
    }
    check(&same[..1], "", "1+0");
}

#[test]
fn the_code_follows_from_the_rule() {
    check(&[0, 1, 4], "[spread]\nprefer = 'space'", "2+1");
    check(&[0, 1, 4], "[spread]\nprefer = 'space'\nsurvive = 2", "1+2");
    check(&[0, 1, 4, 6], "[spread]\nsurvive = 3", "1+3");
    check(&[0, 1, 4, 6], "[spread]\nsurvive = 4", "4 of 5");
    check(&[0, 1, 4, 6, 7], "[spread]\ngeometry = '2+1'", "2+1");
    check(&[0, 1, 4, 6], "[spread]\ngeometry = '3+2'", "4 of 5");
    check(&[0, 0, 0, 0, 0], "[spread]\ndistinct = 'commune'", "1 of 2");
    check(&[0, 0, 0, 4, 0], "[spread]\ndistinct = 'commune'", "1+1");
    check(&[0, 1, 2, 4, 5], "[spread]\ndistinct = 'departement'", "1+1");
    check(&[0, 1, 2, 4, 5, 6], "[spread]\ndistinct = 'departement'", "1+2");
    check(&[0; 7], "[spread]\ndistinct = 'operator'", "3+2");
    // Nantes lies 3 km from Rezé, 4 km from Saint-Sébastien and 7 km from Saint-Herblain.
    check(&[0, 1, 2, 3], "[spread]\nmin_distance_km = 5", "1+2");
    check(&[0, 2], "[spread]\nmin_distance_km = 5", "1 of 2");
}

#[test]
fn home_holds_a_whole_set_and_may_vanish() {
    for (count, survive, expected) in [
        (1, "", "1+0"),
        (2, "", "1+1"),
        (3, "", "1+2"),
        (3, "survive = 1", "1+2"),
        (4, "", "2+3"),
        (5, "", "3+4"),
        (3, "prefer = 'space'", "2+2"),
        (5, "survive = 3", "2+4"),
        (6, "", "4+5"),
        (8, "", "4+5"),
        (9, "", "6+8"),
        (3, "geometry = '2+2'", "2+2"),
        (2, "survive = 2", "2 of 3"),
    ] {
        check(&[0; 9][..count], &format!("[spread]\nhome = 'a'\n{survive}"), expected);
    }
}

#[test]
fn one_site_spreads_over_its_disks() {
    for (disks, expected) in [(1, "1+0"), (2, "1+1"), (3, "2+1"), (4, "2+2"), (6, "4+2")] {
        let map = map(vec![entry(0, statement("a", 0, 0), disks)]);
        let need = ByteCount::new(GIB);
        let placed = plan(&map, &policy(""), SUBJECT, NOW, need, &SimRandom::seeded(1));
        assert_eq!(placed.map(|placed| placed.geometry.to_string()), Ok(expected.to_owned()));
    }
}
