//! Requests to a bucket: with deadlines, tried again with growing pauses, and counted.
//!
//! A request that fails for good, by silence or by a refusal that says nothing of data, has
//! the bucket hang: nothing more is sent until it answers a question again that is asked
//! now and then. So a bucket that is away costs one deadline, and not one for each read.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutPayload};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::BucketError;
use crate::error::Failure;
use crate::limits::{
    GET_WITHIN, HANGS_AFTER, LIST_WITHIN, OBJECTS_MAX, PROBE_FIRST, PROBE_PAUSE_MAX, PUT_WITHIN,
    RETRIES_MAX, RETRY_FIRST, RETRY_PAUSE_MAX, THREADS,
};

/// How many requests were sent, by kind.
const REQUESTS: &str = "essaim_bucket_requests_total";

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: Path,
    pub(crate) bytes: u64,
}

/// The other side.
pub(crate) struct Remote {
    pub(crate) url: String,
    store: Arc<dyn ObjectStore>,
    /// Asked for when it is to be seen whether the bucket answers.
    probe: Path,
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
    down: Mutex<Option<Down>>,
    is_probing: AtomicBool,
    underway: Mutex<BTreeMap<u64, Instant>>,
    next: AtomicU64,
    puts: AtomicU64,
}

/// A bucket that does not answer.
#[derive(Clone, Debug)]
struct Down {
    since: Instant,
    reason: String,
}

impl Drop for Remote {
    fn drop(&mut self) {
        // A runtime that is waited for in a task of another would stop that.
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_background();
        }
    }
}

impl Remote {
    pub(crate) fn new(
        url: String,
        store: Arc<dyn ObjectStore>,
        probe: Path,
    ) -> Result<Arc<Self>, BucketError> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(THREADS).thread_name("bucket").enable_all().build();
        let runtime = runtime.map_err(BucketError::Threads)?;
        Ok(Arc::new(Self {
            url,
            store,
            probe,
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            down: Mutex::default(),
            is_probing: AtomicBool::new(false),
            underway: Mutex::default(),
            next: AtomicU64::new(0),
            puts: AtomicU64::new(0),
        }))
    }

    /// Runs something beside whoever asks.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    /// Waits for something on this thread, which may be one that runs tasks.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let (tx, rx) = std::sync::mpsc::sync_channel(1);
        self.spawn(async move {
            // Whoever asked waits below.
            let _ = tx.send(work.await);
        });
        rx.recv().unwrap_or_else(|_| Err(Failure::Unanswered("the node is stopping".to_owned())))
    }

    /// Objects that were put, tries counted.
    pub(crate) fn puts(&self) -> u64 {
        self.puts.load(Ordering::Relaxed)
    }

    /// Whether it does not answer, and since when.
    pub(crate) fn down_for(&self) -> Option<Duration> {
        self.down.lock().as_ref().map(|down| down.since.elapsed())
    }

    /// Whether whoever asks now would wait for long.
    pub(crate) fn is_hanging(&self) -> bool {
        let oldest = self.underway.lock().values().next().map(Instant::elapsed);
        self.down.lock().is_some() || oldest.is_some_and(|age| age >= HANGS_AFTER)
    }

    /// Stores an object.
    // Cancel-safety: one that is dropped may or may not be stored, now or later.
    pub(crate) async fn put(
        self: &Arc<Self>,
        path: Path,
        bytes: Vec<Bytes>,
    ) -> Result<(), Failure> {
        let payload = PutPayload::from_iter(bytes);
        let one = || async {
            self.puts.fetch_add(1, Ordering::Relaxed);
            self.store.put(&path, payload.clone()).await.map(|_| ())
        };
        self.tried("put", PUT_WITHIN, one).await
    }

    /// A range of an object.
    pub(crate) async fn get(
        self: &Arc<Self>,
        path: Path,
        range: core::ops::Range<u64>,
    ) -> Result<Bytes, Failure> {
        let length = range.end.saturating_sub(range.start);
        let one = || async { self.store.get_range(&path, range.clone()).await };
        let bytes = self.tried("get", GET_WITHIN, one).await?;
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        // Shorter than its name in the listing said: it is not what was stored.
        Err(Failure::NotFound)
    }

    /// Deletes objects; those that are gone already count as deleted.
    pub(crate) async fn delete(self: &Arc<Self>, paths: Vec<Path>) -> Result<(), Failure> {
        let one = || async {
            let paths = futures::stream::iter(paths.clone().into_iter().map(Ok)).boxed();
            let mut done = self.store.delete_stream(paths);
            while let Some(one) = done.next().await {
                match one {
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        self.tried("delete", LIST_WITHIN, one).await
    }

    /// All objects under a prefix.
    pub(crate) async fn list(self: &Arc<Self>, prefix: &Path) -> Result<Vec<Found>, Failure> {
        let prefix = Some(prefix).filter(|prefix| !prefix.as_ref().is_empty());
        let one = || async {
            let listed = self.store.list(prefix).take(OBJECTS_MAX + 1);
            let found = listed.map_ok(|meta| Found { path: meta.location, bytes: meta.size });
            found.try_collect::<Vec<_>>().await
        };
        self.tried("list", LIST_WITHIN, one).await
    }

    /// Sends a request until it is answered, refused, or time is over.
    async fn tried<T, F: Future<Output = Result<T, Error>>>(
        self: &Arc<Self>,
        kind: &'static str,
        within: Duration,
        one: impl Fn() -> F,
    ) -> Result<T, Failure> {
        if let Some(down) = &*self.down.lock() {
            return Err(Failure::Unanswered(down.reason.clone()));
        }
        let _underway = Underway::begin(self);
        let mut pause = RETRY_FIRST;
        let all = async {
            let mut said = String::new();
            for _ in 0..=RETRIES_MAX {
                metrics::counter!(REQUESTS, "kind" => kind).increment(1);
                match one().await.map_err(|error| judged(&error)) {
                    Ok(done) => return Ok(done),
                    Err(Judged::Final(failure)) => return Err(failure),
                    Err(Judged::Refused(reason)) => return Err(Failure::Unanswered(reason)),
                    Err(Judged::Again(reason)) => said = reason,
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_PAUSE_MAX);
            }
            Err(Failure::Unanswered(said))
        };
        let outcome = match tokio::time::timeout(within, all).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Unanswered(format!("no answer within {} s", within.as_secs()))),
        };
        if let Err(Failure::Unanswered(reason)) = &outcome {
            self.went_down(kind, reason);
        }
        outcome
    }

    fn went_down(self: &Arc<Self>, kind: &str, reason: &str) {
        {
            let mut down = self.down.lock();
            if down.is_some() {
                return;
            }
            *down = Some(Down { since: Instant::now(), reason: reason.to_owned() });
        }
        tracing::error!(bucket = self.url, request = kind, reason, "the bucket does not answer");
        if !self.is_probing.swap(true, Ordering::SeqCst) {
            // Not held: a disk that is let go must end.
            let remote = Arc::downgrade(self);
            self.spawn(async move {
                let mut pause = PROBE_FIRST;
                loop {
                    tokio::time::sleep(pause).await;
                    let Some(remote) = remote.upgrade() else { return };
                    if remote.answers().await {
                        remote.is_probing.store(false, Ordering::SeqCst);
                        *remote.down.lock() = None;
                        tracing::warn!(bucket = remote.url, "the bucket answers again");
                        return;
                    }
                    pause = (pause * 2).min(PROBE_PAUSE_MAX);
                }
            });
        }
    }

    async fn answers(&self) -> bool {
        let asked = async {
            match self.store.head(&self.probe).await {
                Ok(_) => true,
                // Whether the bucket is there is not said by that.
                Err(Error::NotFound { .. }) => {
                    !matches!(self.store.list(None).next().await, Some(Err(_)))
                }
                Err(_) => false,
            }
        };
        tokio::time::timeout(GET_WITHIN, asked).await.unwrap_or(false)
    }
}

/// One request, until it is dropped.
struct Underway<'a> {
    remote: &'a Remote,
    number: u64,
}

impl<'a> Underway<'a> {
    fn begin(remote: &'a Remote) -> Self {
        let number = remote.next.fetch_add(1, Ordering::Relaxed);
        remote.underway.lock().insert(number, Instant::now());
        Self { remote, number }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.remote.underway.lock().remove(&self.number);
    }
}

/// What an error is for whoever asked.
enum Judged {
    /// It says what was asked.
    Final(Failure),
    /// It says no, and will again in a moment; nothing is known of data.
    Refused(String),
    /// Another moment may change it.
    Again(String),
}

fn judged(error: &Error) -> Judged {
    let said = chain(error);
    let is_quota = ["QuotaExceeded", "quota", "InsufficientStorage", "StorageFull"]
        .iter()
        .any(|word| said.contains(word));
    match error {
        // The bucket itself may be gone or misspelt: no object is lost by that.
        Error::NotFound { .. } if said.contains("NoSuchBucket") => Judged::Refused(said),
        Error::NotFound { .. } => Judged::Final(Failure::NotFound),
        _ if is_quota => Judged::Final(Failure::Full(said)),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Judged::Refused(said),
        _ => Judged::Again(said),
    }
}

/// An error and what it stems from, in one line.
fn chain(error: &dyn core::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        cause = error.source();
    }
    said.replace('\n', " ")
}
