//! Every planted bug of this crate is caught by the tests that would meet it.

mod harness;

#[test]
fn every_planted_bug_is_caught() {
    let is_caught = |name| {
        units::planted::select(Some(name));
        let caught = harness::kills().is_err();
        units::planted::select(None);
        caught
    };
    let missed: Vec<_> = kv::PLANTED.iter().filter(|bug| !is_caught(bug.name)).collect();
    let all = kv::PLANTED.len();
    println!("planted bugs caught: {}/{all}", all - missed.len());
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
