//! The tree of tasks: each has a name, and none may end before it is told to.

use std::future::Future;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::limits::SHUTDOWN_MAX;
use crate::trouble::Trouble;

/// The tasks of a node.
#[derive(Default)]
pub(crate) struct Tasks {
    running: JoinSet<Result<(), String>>,
    names: Vec<(Id, &'static str)>,
    stop: CancellationToken,
}

impl Tasks {
    /// What tells every task to end.
    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task; it must run until the stop token is cancelled.
    pub(crate) fn start(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let handle = self.running.spawn(task);
        self.names.push((handle.id(), name));
    }

    /// Waits until a task ends although nobody told it to; says which and why.
    pub(crate) async fn first_failure(&mut self) -> Trouble {
        let Some(ended) = self.running.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (id, reason) = match ended {
            Ok((id, Ok(()))) => (id, "it ended".to_owned()),
            Ok((id, Err(reason))) => (id, reason),
            Err(error) => (error.id(), error.to_string()),
        };
        let named = self.names.iter().find(|(known, _)| *known == id);
        let name = named.map_or("a task", |(_, name)| *name);
        stopped_working(name, &reason)
    }

    /// Tells every task to end and waits, up to a limit.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_MAX, all).await.is_err() {
            tracing::warn!("tasks that did not end were cut");
        }
    }
}

/// What is told of a task that ended although nobody told it to.
pub(crate) fn stopped_working(name: &str, reason: &str) -> Trouble {
    Trouble::new(
        format!("{name} stopped working: {reason}"),
        "see the log; the node was stopped so that nothing runs half",
    )
}

#[cfg(test)]
mod tests {
    use super::Tasks;

    #[tokio::test]
    async fn a_failed_task_is_named_with_its_reason() {
        let mut tasks = Tasks::default();
        let stop = tasks.stop_token();
        tasks.start("the steady one", async move {
            stop.cancelled().await;
            Ok(())
        });
        tasks.start("the S3 server", async { Err("no more sockets".to_owned()) });
        let told = tasks.first_failure().await;
        assert_eq!(told.message, "the S3 server stopped working: no more sockets");
        tasks.end().await;
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_too() {
        let mut tasks = Tasks::default();
        tasks.start("the frail one", async {
            let nothing: Option<()> = None;
            nothing.ok_or(()).map_err(|()| unreachable!("for this test"))
        });
        assert!(tasks.first_failure().await.message.starts_with("the frail one stopped"));
    }
}
