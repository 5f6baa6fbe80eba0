//! Every planted bug of this crate is caught by the tests that would meet it.

mod harness;

use core::panic::AssertUnwindSafe;

use harness::{clocks, log_faults, log_script, scenarios, sim_node};

/// What meets a bug of several sites. Names what catches it.
fn is_caught_in_a_cluster(name: &str) -> Option<bool> {
    let scenario: futures::future::BoxFuture<'static, ()> = match name {
        "consensus-forward-again" => {
            Box::pin(scenarios::a_lost_answer_is_unknown_and_nothing_is_sent_twice())
        }
        "consensus-forward-early" => Box::pin(scenarios::what_was_answered_is_there_at_once()),
        "consensus-forgets-it-led" => {
            Box::pin(scenarios::a_leader_that_began_again_shows_what_it_acknowledged())
        }
        "consensus-lease-for-good"
        | "consensus-lease-unanswered"
        | "consensus-read-unconfirmed" => {
            Box::pin(scenarios::a_minority_neither_writes_nor_reads())
        }
        "consensus-read-unasked" => Box::pin(scenarios::what_is_acknowledged_is_read_everywhere()),
        "consensus-hand-over-unheld" => Box::pin(async {
            scenarios::a_leader_that_is_stopped_hands_the_lead_over_first(3).await;
        }),
        "consensus-read-untold" => Box::pin(scenarios::what_one_reader_saw_every_later_one_sees()),
        "consensus-old-directory" => {
            Box::pin(scenarios::what_was_decided_by_old_rules_is_refused())
        }
        "consensus-own-clock" => Box::pin(clocks::no_minority_of_clocks_moves_stamps(3, 1, 30)),
        "consensus-takes-more-than-fits" => {
            Box::pin(scenarios::a_voter_without_room_takes_no_more_and_goes_on_with_room())
        }
        "consensus-seats-share-a-site" => Box::pin(scenarios::one_node_of_a_site_votes()),
        _ => return None,
    };
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build().expect("a runtime");
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(scenario)));
    Some(ran.is_err())
}

fn is_caught(name: &'static str) -> bool {
    units::planted::select(Some(name));
    let log = || {
        (0..3).any(|seed| log_script::sweep(seed).is_err())
            || log_script::flip_bits(5).is_err()
            || log_faults::faults(9).is_err()
    };
    let alone = || {
        (0..3).any(|seed| sim_node::sweep(seed, 3).is_err())
            || sim_node::sweep_full(0, 24).is_err()
            || log()
    };
    let caught = is_caught_in_a_cluster(name).unwrap_or_else(alone);
    units::planted::select(None);
    caught
}

#[test]
fn every_planted_bug_is_caught() {
    let missed: Vec<_> = consensus::PLANTED.iter().filter(|bug| !is_caught(bug.name)).collect();
    let all = consensus::PLANTED.len();
    println!("planted bugs caught: {}/{all}", all - missed.len());
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
