//! The suite on the real network and on the simulated one.

use super::suite::lab::SimLab;
use super::suite::tcp_lab::TcpLab;
use wire::SimNetwork;

macro_rules! on_both {
    ($($trial:ident),* $(,)?) => {
        mod real {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $trial() {
                crate::suite::$trial(&super::TcpLab::default()).await;
            })*
        }
        mod simulated {
            $(#[tokio::test(start_paused = true)]
            async fn $trial() {
                crate::suite::$trial(&super::SimLab(super::SimNetwork::new(1))).await;
            })*
        }
    };
}

on_both! {
    calls_reach_the_service_they_name,
    a_node_asks_itself_without_the_network,
    what_cannot_be_reached_is_said,
    a_refusal_says_why,
    heads_have_a_limit,
    a_call_ends_by_its_deadline,
    a_dropped_call_is_dropped_on_the_other_side,
    a_handler_that_panics_ends_its_own_call_only,
    many_calls_at_once_are_all_answered,
    after_a_shutdown_nothing_is_answered,
    big_bodies_pass_both_ways,
    pieces_come_as_they_are_sent,
    a_body_that_stands_still_is_late,
    a_call_body_that_breaks_off_is_never_whole,
    a_reply_body_that_breaks_off_is_never_whole,
    a_node_that_ends_breaks_its_bodies,
    an_early_reply_leaves_the_rest_of_the_question,
    whoever_leaves_the_roster_is_cut_off,
    a_roster_that_still_has_a_node_leaves_it_alone,
    an_unknown_key_is_refused,
    an_invitation_is_for_joining,
    who_joins_hears_the_answer_that_closes_the_invitation,
}
