//! The thread that writes one disk: takes what waits, commits it with one sync,
//! answers, and compacts in between.

use std::sync::Arc;

use host::Worker;
use tokio::sync::{mpsc, oneshot};

use crate::disk_store::DiskStore;
use crate::limits::{COMMIT_BYTES_MAX, COMMIT_REQUESTS_MAX, QUEUE_REQUESTS_MAX};
use crate::shared::Shared;
use crate::{CompactReport, OpenError, Work, WriteError};

/// What a writer can be asked for.
pub(crate) enum Request {
    Work { work: Work, answer: oneshot::Sender<Result<u64, WriteError>> },
    Compact { answer: oneshot::Sender<Result<CompactReport, WriteError>> },
    Settle { answer: oneshot::Sender<Result<bool, WriteError>> },
    Stop,
}

/// A running writer.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: mpsc::Sender<Request>,
    pub(crate) thread: WriterThread,
}

/// The thread, and how its end is waited for without a thread to wait on.
pub(crate) struct WriterThread {
    worker: Worker,
    /// Closed when the thread has let go of everything.
    ends: oneshot::Receiver<()>,
}

impl WriterThread {
    /// Waits for the end.
    // Cancel-safety: a thread that is waited for no longer goes on by itself.
    pub(crate) async fn end(self) {
        let _ = self.ends.await;
        // It has nothing left to do, or has panicked, which it has said.
        self.worker.end().await;
    }
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(store: DiskStore) -> Result<Self, OpenError> {
        let (queue, requests) = mpsc::channel(QUEUE_REQUESTS_MAX);
        let shared = Arc::clone(&store.shared);
        let disk = shared.id;
        let (running, ends) = oneshot::channel();
        let work = async move {
            let _running: oneshot::Sender<()> = running;
            Loop { store, requests, compactions: Vec::new() }.run().await;
        };
        let worker = Worker::start("fragment-writer", work)
            .map_err(|source| OpenError::Writer { disk, source })?;
        Ok(Self { shared, queue, thread: WriterThread { worker, ends } })
    }
}

struct Loop {
    store: DiskStore,
    requests: mpsc::Receiver<Request>,
    /// Who waits for the compaction under way.
    compactions: Vec<oneshot::Sender<Result<CompactReport, WriteError>>>,
}

impl Loop {
    async fn run(mut self) {
        loop {
            let first = if self.compactions.is_empty() {
                self.requests.recv().await.unwrap_or(Request::Stop)
            } else {
                match self.requests.try_recv() {
                    Ok(request) => request,
                    Err(mpsc::error::TryRecvError::Disconnected) => Request::Stop,
                    Err(mpsc::error::TryRecvError::Empty) => {
                        self.compact_on();
                        continue;
                    }
                }
            };
            let stop = self.serve(first);
            if stop {
                return;
            }
            self.compact_on();
        }
    }

    /// Commits the first request and whatever waits behind it; true to stop.
    fn serve(&mut self, first: Request) -> bool {
        let mut works = Vec::new();
        let mut answers = Vec::new();
        let mut settles = Vec::new();
        let mut bytes = 0;
        let mut stop = false;
        let mut next = Some(first);
        while let Some(request) = next.take() {
            match request {
                Request::Work { work, answer } => {
                    bytes += work.bytes();
                    works.push(work);
                    answers.push(answer);
                }
                Request::Compact { answer } => self.compactions.push(answer),
                Request::Settle { answer } => settles.push(answer),
                Request::Stop => stop = true,
            }
            if !stop && works.len() < COMMIT_REQUESTS_MAX && bytes < COMMIT_BYTES_MAX as u64 {
                next = self.requests.try_recv().ok();
            }
        }
        if !works.is_empty() {
            let outcomes = self.store.commit(&works);
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whoever asked may have gone; the fragment stays until it is removed.
                let _ = answer.send(outcome);
            }
        }
        if stop || !settles.is_empty() {
            self.settle(works.is_empty() || stop, settles);
        }
        stop
    }

    /// Settles the last commit; under load the next one does that by itself.
    fn settle(&mut self, idle: bool, answers: Vec<oneshot::Sender<Result<bool, WriteError>>>) {
        let outcome = if idle { self.store.settle() } else { Ok(false) };
        for answer in answers {
            let _ = answer.send(outcome.clone());
        }
    }

    /// One step of the compaction that somebody waits for, if any.
    fn compact_on(&mut self) {
        if self.compactions.is_empty() {
            return;
        }
        let outcome = match self.store.compact_begin() {
            Ok(true) => match self.store.compact_step() {
                Ok(None) => return,
                Ok(Some(report)) => Ok(report),
                Err(error) => Err(error),
            },
            Ok(false) => Ok(CompactReport::default()),
            Err(error) => Err(error),
        };
        for answer in self.compactions.drain(..) {
            let _ = answer.send(outcome.clone());
        }
    }
}
