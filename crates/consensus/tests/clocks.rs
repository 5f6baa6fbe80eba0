//! How commands are stamped where the clocks of several sites differ.
//!
//! In simulated time: minutes pass, and the clocks that are right agree to the microsecond.

mod harness;

use harness::clocks;

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_ahead_moves_no_stamp() {
    let _spot = host::on_the_spot();
    clocks::no_minority_of_clocks_moves_stamps(3, 1, 30).await;
}

#[tokio::test(start_paused = true)]
async fn two_of_five_that_are_ahead_move_no_stamp() {
    let _spot = host::on_the_spot();
    clocks::no_minority_of_clocks_moves_stamps(5, 2, 30).await;
}

#[tokio::test(start_paused = true)]
async fn two_of_five_that_are_behind_move_no_stamp() {
    let _spot = host::on_the_spot();
    clocks::no_minority_of_clocks_moves_stamps(5, 2, -30).await;
}

#[tokio::test(start_paused = true)]
async fn one_of_two_that_is_ahead_moves_no_stamp() {
    let _spot = host::on_the_spot();
    clocks::no_minority_of_clocks_moves_stamps(2, 1, 30).await;
}

/// Thousands of years: nothing overflows.
#[tokio::test(start_paused = true)]
async fn a_clock_that_lost_its_mind_moves_no_stamp() {
    let _spot = host::on_the_spot();
    clocks::no_minority_of_clocks_moves_stamps(3, 1, 24 * 365 * 5_000).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_clocks_that_differ_the_earlier_counts() {
    let _spot = host::on_the_spot();
    clocks::of_two_clocks_that_differ_the_earlier_counts().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_knows_too_few_clocks_waits() {
    let _spot = host::on_the_spot();
    clocks::a_leader_that_knows_too_few_clocks_waits().await;
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_asked_agrees() {
    let _spot = host::on_the_spot();
    clocks::who_cannot_be_asked_agrees().await;
}
