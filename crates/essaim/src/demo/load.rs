//! People at work while machines vanish: some read what is there, some write.
//!
//! **Invariant**: a document counts as written only when a site has said so; what is read
//! is compared with what was sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::documents::Document;
use super::reach::Reach;
use crate::failure::Failure;

/// Who reads all the time.
const READERS: u64 = 3;
/// Who writes all the time.
const WRITERS: u64 = 2;
/// How long each rests between two requests.
const REST: Duration = Duration::from_millis(40);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Reads that gave what had been written.
    pub reads: u64,
    /// Writes that were acknowledged.
    pub writes: u64,
    /// Reads that gave anything else.
    pub wrong: u64,
    /// Requests that one site failed and another served.
    pub passed_on: u64,
    /// The longest a read took, from the first request to the answer.
    pub read_longest: Duration,
    /// The same for a write.
    pub write_longest: Duration,
}

/// The people at work.
pub struct Load {
    end: watch::Sender<bool>,
    people: JoinSet<Result<(), Failure>>,
    shared: Arc<Shared>,
}

struct Shared {
    reach: Reach,
    documents: Vec<Document>,
    written: Mutex<Vec<Document>>,
    seen: Mutex<Seen>,
    number: AtomicU64,
}

impl Load {
    /// They begin, on these documents.
    pub fn begin(reach: &Reach, documents: &[Document], chapter: &str) -> Self {
        let (end, ended) = watch::channel(false);
        let shared = Arc::new(Shared {
            reach: reach.clone(),
            documents: documents.to_vec(),
            written: Mutex::default(),
            seen: Mutex::default(),
            number: AtomicU64::new(1),
        });
        let mut people = JoinSet::new();
        for reader in 0..READERS {
            let (shared, ended) = (Arc::clone(&shared), ended.clone());
            people.spawn(async move {
                let mut at = usize::try_from(reader).unwrap_or(0) * 17;
                while !*ended.borrow() {
                    shared.read(at).await?;
                    at += 1;
                    tokio::time::sleep(REST).await;
                }
                Ok(())
            });
        }
        for writer in 0..WRITERS {
            let (shared, ended) = (Arc::clone(&shared), ended.clone());
            let folder = format!("written-{chapter}/{writer}");
            people.spawn(async move {
                while !*ended.borrow() {
                    shared.write(&folder).await?;
                    tokio::time::sleep(REST).await;
                }
                Ok(())
            });
        }
        Self { end, people, shared }
    }

    /// What they have seen so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// They end; what they have written and seen.
    pub async fn end(mut self) -> Result<(Vec<Document>, Seen), Failure> {
        let _ = self.end.send(true);
        while let Some(ended) = self.people.join_next().await {
            ended.map_err(|error| Failure::failed(format!("a client ended: {error}"), ""))??;
        }
        let written = self.shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((written.clone(), self.seen()))
    }
}

impl Shared {
    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn read(&self, at: usize) -> Result<(), Failure> {
        let document = self.documents.get(at % self.documents.len().max(1));
        let Some(document) = document else { return Ok(()) };
        let answer = self.reach.get(&document.key).await?;
        let is_same = answer.value == document.bytes()?;
        self.note(|seen| {
            seen.reads += u64::from(is_same);
            seen.wrong += u64::from(!is_same);
            seen.passed_on += answer.failed;
            seen.read_longest = seen.read_longest.max(answer.after);
        });
        Ok(())
    }

    async fn write(&self, folder: &str) -> Result<(), Failure> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        // From a note to a scan; the smallest lie in the catalog.
        let size = [700, 20_000, 150_000, 600_000][usize::try_from(number % 4).unwrap_or(0)];
        let document = Document::made(format!("{folder}-{number:05}"), number, size);
        let answer = self.reach.put(&document.key, &document.bytes()?).await?;
        self.note(|seen| {
            seen.writes += 1;
            seen.passed_on += answer.failed;
            seen.write_longest = seen.write_longest.max(answer.after);
        });
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push(document);
        Ok(())
    }
}
