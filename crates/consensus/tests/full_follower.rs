//! A voter that does not lead and whose disk is full.

mod harness;

use harness::scenarios;

#[tokio::test]
async fn a_voter_without_room_takes_no_more_and_goes_on_with_room() {
    scenarios::a_voter_without_room_takes_no_more_and_goes_on_with_room().await;
}
