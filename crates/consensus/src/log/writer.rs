//! The thread that owns the log: takes what waits, writes it at once, syncs
//! once, answers all.
//!
//! A full disk is not reported as a failure: the append, or the vote, is held, cut off
//! clean and tried again until there is room, since openraft treats any error of its
//! storage as the end. Proposers meanwhile run into their deadline.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use host::Worker;
use openraft::storage::LogFlushed;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::health::Health;
use crate::limits;
use crate::log::record::{Ballot, EntryId};
use crate::log::{LogError, SegmentLog};
use crate::types::Types;

type Done = oneshot::Sender<Result<(), LogError>>;

/// What the log is asked to do, in order.
pub(crate) enum Job {
    /// Write entries; `done` when they are durable.
    Append { entries: Vec<(EntryId, Bytes)>, done: LogFlushed<Types> },
    /// Keep a vote.
    Vote { vote: Ballot, done: Done },
    /// Keep the committed position.
    Committed(Option<EntryId>),
    /// Void an entry and all later ones.
    Truncate { from: u64, done: Done },
    /// Give up an entry and all earlier ones.
    Purge { upto: EntryId, done: Done },
}

/// The thread and the way to it.
pub(crate) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    stop: Arc<AtomicBool>,
    thread: Worker,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(log: SegmentLog, health: Arc<Health>) -> Result<Self, io::Error> {
        let (jobs, waiting) = mpsc::channel(limits::LOG_QUEUE_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let run = Run { log, health, stop: Arc::clone(&stop) };
        let thread = Worker::start("catalog-log", run.until_closed(waiting))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), stop, thread })
    }

    /// Hands a job over; it is lost if the thread has ended.
    pub(crate) async fn send(&self, job: Job) -> Result<(), LogError> {
        let jobs = self.jobs.lock().clone();
        let ended = || LogError::Stopped { reason: "the log was closed".to_owned() };
        jobs.ok_or_else(ended)?.send(job).await.map_err(|_| ended())
    }

    /// Hands a job over and waits for its end.
    pub(crate) async fn call(&self, job: impl FnOnce(Done) -> Job) -> Result<(), LogError> {
        let (done, answer) = oneshot::channel();
        self.send(job(done)).await?;
        answer.await.unwrap_or_else(|_| {
            Err(LogError::Stopped { reason: "the log's writer ended".to_owned() })
        })
    }

    /// Makes the thread give up waiting for room.
    pub(crate) fn stop_waiting(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }

    /// Takes no more jobs, finishes those that wait, closes the log.
    pub(crate) async fn end(&self) {
        drop(self.jobs.lock().take());
        self.thread.end().await;
    }
}

impl Drop for Writer {
    /// Waits for the thread, at most for the sync under way: whoever opens the
    /// same disk next must find it free.
    fn drop(&mut self) {
        self.stop_waiting();
        drop(self.jobs.lock().take());
        self.thread.join();
    }
}

/// What the thread has.
struct Run {
    log: SegmentLog,
    health: Arc<Health>,
    stop: Arc<AtomicBool>,
}

impl Run {
    async fn until_closed(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut next = waiting.recv().await;
        while let Some(job) = next.take() {
            match job {
                Job::Append { entries, done } => {
                    let mut group = vec![done];
                    let mut all = entries;
                    // Appends that queued up behind this one share its sync.
                    while let Ok(job) = waiting.try_recv() {
                        match job {
                            Job::Append { entries, done } => {
                                all.extend(entries);
                                group.push(done);
                            }
                            other => {
                                next = Some(other);
                                break;
                            }
                        }
                    }
                    self.append(&all, group);
                }
                Job::Vote { vote, done } => self.answer(done, |log| log.vote_save(vote)),
                Job::Committed(committed) => self.log.committed_save(committed),
                Job::Truncate { from, done } => self.answer(done, |log| log.truncate(from)),
                Job::Purge { upto, done } => self.answer(done, |log| match log.purge(upto) {
                    // Nothing was removed; the next purge does it.
                    Err(LogError::Full) => Ok(()),
                    other => other,
                }),
            }
            if next.is_none() {
                next = waiting.recv().await;
            }
        }
        if let Err(error) = self.log.close() {
            tracing::warn!(%error, "the log could not be marked as closed");
        }
    }

    fn append(&mut self, entries: &[(EntryId, Bytes)], mut group: Vec<LogFlushed<Types>>) {
        if units::planted::is_on("consensus-answer-before-append") {
            for done in group.drain(..) {
                done.log_io_completed(Ok(()));
            }
            // So long that whoever was told can act on it before the entry is written.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let entries: Vec<(EntryId, &[u8])> =
            entries.iter().map(|(id, body)| (*id, &body[..])).collect();
        let result = self.with_room(|log| log.replace(&entries));
        let failure = result.err().map(|error| describe(&error));
        if let Some(reason) = &failure {
            self.health.fail(reason);
        }
        for done in group {
            let result = failure.as_ref().map_or(Ok(()), |reason| Err(io::Error::other(&**reason)));
            done.log_io_completed(result);
        }
    }

    /// Does it again until there is room, or nobody waits any more.
    fn with_room(
        &mut self,
        mut act: impl FnMut(&mut SegmentLog) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        loop {
            match act(&mut self.log) {
                Err(LogError::Full) if !self.stop.load(Ordering::Relaxed) => {
                    self.health.set_log_full(true);
                    std::thread::park_timeout(limits::FULL_RETRY_INTERVAL);
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    self.health.set_log_full(false);
                    return Ok(());
                }
            }
        }
    }

    fn answer(&mut self, done: Done, act: impl FnMut(&mut SegmentLog) -> Result<(), LogError>) {
        let result = self.with_room(act);
        if let Err(error) = &result {
            self.health.fail(&describe(error));
        }
        // Whoever asked may have gone.
        let _ = done.send(result);
    }
}

/// An error with its sources, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
