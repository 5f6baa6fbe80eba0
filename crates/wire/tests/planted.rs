//! Every planted bug must be caught by the suite, on each half that has it.
//!
//! `cargo test -p wire --features planted --test planted`
#![cfg(feature = "planted")]
#![expect(dead_code, reason = "the suite's other trials run elsewhere")]

#[path = "wire/suite/mod.rs"]
mod suite;

use std::panic::{AssertUnwindSafe, catch_unwind};

use suite::lab::{Lab, SimLab};
use suite::tcp_lab::TcpLab;
use wire::SimNetwork;

/// The first of the trials that fails, with what it said.
fn caught_by<'a>(lab: &'a dyn Lab, paused: bool) -> Option<(&'static str, String)> {
    let trials: [(&'static str, &dyn Fn() -> Trial<'a>); 5] = [
        ("calls", &|| Box::pin(suite::calls_reach_the_service_they_name(lab))),
        ("unknown key", &|| Box::pin(suite::an_unknown_key_is_refused(lab))),
        ("call body", &|| Box::pin(suite::a_call_body_that_breaks_off_is_never_whole(lab))),
        ("reply body", &|| Box::pin(suite::a_reply_body_that_breaks_off_is_never_whole(lab))),
        ("roster", &|| Box::pin(suite::whoever_leaves_the_roster_is_cut_off(lab))),
    ];
    trials.iter().find_map(|(name, trial)| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(paused).build().unwrap();
        let failed = catch_unwind(AssertUnwindSafe(|| runtime.block_on(trial()))).err()?;
        let said = failed.downcast_ref::<String>().cloned().unwrap_or_default();
        Some((*name, said))
    })
}

/// Its name, a lab of it, and whether its clock stands still.
type Half = (&'static str, fn() -> Box<dyn Lab>, bool);

type Trial<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

#[test]
fn every_planted_bug_is_caught() {
    let halves: [Half; 2] = [
        ("simulated", || Box::new(SimLab(SimNetwork::new(1))), true),
        ("real", || Box::new(TcpLab::default()), false),
    ];
    let mut missed = Vec::new();
    for (half, lab, paused) in halves {
        assert_eq!(caught_by(&*lab(), paused), None, "{half}, without a bug");
        for bug in wire::PLANTED {
            units::planted::select(Some(bug.name));
            match caught_by(&*lab(), paused) {
                Some((trial, said)) => eprintln!("{half}, {}: caught by {trial}: {said}", bug.name),
                None => missed.push((half, bug.name)),
            }
            units::planted::select(None);
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
