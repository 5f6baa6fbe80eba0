//! What is kept of directory rows is never older than an answered change.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_change_is_seen_by_the_next_request() -> anyhow::Result<()> {
    simulator::directory_trial(31).await
}
