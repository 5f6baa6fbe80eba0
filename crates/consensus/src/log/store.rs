//! The log as openraft wants it.
//!
//! Entries just appended stay in memory, decoded, until the state machine has
//! taken them: a command is encoded once and, without a restart, never decoded.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use openraft::storage::{LogFlushed, LogState, RaftLogStorage};
use openraft::{EntryPayload, OptionalSend, RaftLogReader, StorageIOError};
use parking_lot::Mutex;

use crate::health::Health;
use crate::limits;
use crate::log::index::Index;
use crate::log::record::{Ballot, EntryId};
use crate::log::segment_log::read_entry;
use crate::log::writer::{Job, Writer};
use crate::log::{LogError, SegmentLog};
use crate::types::{BODY_COMMANDS, Entry, Pack, StorageError, Types};

const BODY_BLANK: u8 = 0;
const BODY_MEMBERSHIP: u8 = 2;

/// The log behind openraft's trait; clones share it.
#[derive(Clone)]
pub(crate) struct LogStore {
    writer: Arc<Writer>,
    index: Arc<Mutex<Index>>,
    recent: Arc<Mutex<Recent>>,
    directory: Arc<str>,
    cuts: Cuts,
}

/// How often entries were cut off the log's end, since another leader had others.
#[derive(Clone, Default)]
pub(crate) struct Cuts(Arc<AtomicU64>);

impl Cuts {
    /// Counted before openraft tells those who wait for the entries.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Entries that the state machine has not taken yet.
#[derive(Default)]
struct Recent {
    entries: BTreeMap<u64, Entry>,
    bytes: usize,
}

impl Recent {
    fn insert(&mut self, entry: Entry) {
        self.truncate(entry.log_id.index);
        self.bytes += weight(&entry);
        self.entries.insert(entry.log_id.index, entry);
        // What is evicted is read back from the log; the newest is not there yet.
        while self.bytes > limits::ENTRY_CACHE_BYTES_MAX && self.entries.len() > 64 {
            let Some((_, entry)) = self.entries.pop_first() else { break };
            self.bytes -= weight(&entry);
        }
    }

    /// Forgets what the state machine has applied.
    fn drop_through(&mut self, applied: u64) {
        while let Some(first) = self.entries.first_entry() {
            if *first.key() > applied {
                break;
            }
            self.bytes -= weight(&first.remove());
        }
    }

    fn truncate(&mut self, from: u64) {
        for (_, entry) in self.entries.split_off(&from) {
            self.bytes -= weight(&entry);
        }
    }
}

/// The log as the state machine sees it: entries to take up again, and entries to
/// forget. Does not keep the log open.
pub(crate) struct AppliedLog {
    index: Arc<Mutex<Index>>,
    recent: Arc<Mutex<Recent>>,
    directory: Arc<str>,
}

impl AppliedLog {
    /// Forgets the entries that were taken.
    pub(crate) fn drop_through(&self, applied: u64) {
        self.recent.lock().drop_through(applied);
    }

    /// Reads one entry from the log; `None` if it is not there any more. Blocks.
    pub(crate) fn entry(&self, index: u64) -> Result<Option<Entry>, LogError> {
        let found = read_range(&self.index, &self.directory, index, index.saturating_add(1), 0)?;
        Ok(found.into_iter().find(|entry| entry.log_id.index == index))
    }
}

/// Roughly what an entry takes in memory: commands are there twice.
fn weight(entry: &Entry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(pack) => 2 * pack.body.len() + 256,
        EntryPayload::Blank | EntryPayload::Membership(_) => 256,
    }
}

impl LogStore {
    /// Puts a thread behind an open log.
    pub(crate) fn start(log: SegmentLog, health: Arc<Health>) -> Result<Self, std::io::Error> {
        let index = log.shared_index();
        let directory = Arc::from(log.directory());
        let writer = Arc::new(Writer::start(log, health)?);
        let (recent, cuts) = Default::default();
        Ok(Self { writer, index, recent, directory, cuts })
    }

    pub(crate) fn writer(&self) -> Arc<Writer> {
        Arc::clone(&self.writer)
    }

    pub(crate) fn index(&self) -> Arc<Mutex<Index>> {
        Arc::clone(&self.index)
    }

    /// Counts the cuts.
    pub(crate) fn cuts(&self) -> Cuts {
        self.cuts.clone()
    }

    /// What the state machine uses of the log.
    pub(crate) fn applied_log(&self) -> AppliedLog {
        let (index, recent) = (Arc::clone(&self.index), Arc::clone(&self.recent));
        AppliedLog { index, recent, directory: Arc::clone(&self.directory) }
    }

    /// Entries of the range, from memory where they are, else from the log;
    /// at least one and no more than `bytes_max` encoded bytes.
    async fn entries(
        &self,
        start: u64,
        end: u64,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, LogError> {
        let mut found = Vec::new();
        {
            let recent = self.recent.lock();
            let mut bytes = 0;
            for (index, entry) in recent.entries.range(start..end.max(start)) {
                if *index != start + found.len() as u64 || bytes > bytes_max {
                    break;
                }
                bytes += weight(entry);
                found.push(entry.clone());
            }
        }
        if !found.is_empty() || start >= end {
            // Entries newer than those in memory do not exist; older ones are not mixed in.
            return Ok(found);
        }
        let (shared, directory) = (Arc::clone(&self.index), Arc::clone(&self.directory));
        let read = move || read_range(&shared, &directory, start, end, bytes_max);
        match host::blocking(read).await {
            Ok(result) => result,
            Err(_) => Err(LogError::Stopped { reason: "a read of the log ended".to_owned() }),
        }
    }
}

fn read_range(
    shared: &Mutex<Index>,
    directory: &str,
    start: u64,
    end: u64,
    bytes_max: usize,
) -> Result<Vec<Entry>, LogError> {
    // A range without an end is meant for what is there.
    let (first, last) = {
        let shared = shared.lock();
        let (Some(first), Some(last)) = (shared.slots.front(), shared.slots.back()) else {
            return Ok(Vec::new());
        };
        (first.id.index, last.id.index)
    };
    let mut found = Vec::new();
    let mut bytes = 0;
    for index in start.max(first)..end.min(last.saturating_add(1)) {
        if bytes > bytes_max {
            break;
        }
        let Some((id, body)) = read_entry(shared, directory, index)? else { break };
        bytes += body.len();
        let entry = decode_body(id, body).map_err(|reason| LogError::Damaged {
            file: directory.to_owned(),
            offset: 0,
            reason: format!("entry {index}: {reason}"),
        })?;
        found.push(entry);
    }
    Ok(found)
}

/// The body of an entry as the log keeps it: a kind byte and what it says.
fn encode_body(entry: &Entry) -> Result<Bytes, postcard::Error> {
    Ok(match &entry.payload {
        EntryPayload::Blank => Bytes::from_static(&[BODY_BLANK]),
        EntryPayload::Normal(pack) => pack.body.clone(),
        EntryPayload::Membership(membership) => {
            postcard::to_extend(membership, vec![BODY_MEMBERSHIP])?.into()
        }
    })
}

fn decode_body(id: EntryId, body: Vec<u8>) -> Result<Entry, String> {
    let payload = match body.split_first() {
        Some((&BODY_BLANK, [])) => EntryPayload::Blank,
        Some((&BODY_COMMANDS, _)) => {
            EntryPayload::Normal(Pack::from_body(body.into()).map_err(|error| error.to_string())?)
        }
        Some((&BODY_MEMBERSHIP, rest)) => EntryPayload::Membership(
            postcard::from_bytes(rest).map_err(|error| format!("membership: {error}"))?,
        ),
        _ => return Err("its body is of no known kind".to_owned()),
    };
    Ok(Entry { log_id: id, payload })
}

fn range_of(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}

fn reading(error: &LogError) -> StorageError {
    StorageIOError::read_logs(openraft::AnyError::new(error)).into()
}

fn writing(error: &LogError) -> StorageError {
    StorageIOError::write_logs(openraft::AnyError::new(error)).into()
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let (mut start, end) = range_of(&range);
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let part = self
                .entries(start, end, limits::READ_BYTES_MAX)
                .await
                .map_err(|error| reading(&error))?;
            let Some(last) = part.last() else { return Ok(all) };
            start = last.log_id.index + 1;
            all.extend(part);
        }
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        self.entries(start, end, limits::READ_BYTES_MAX).await.map_err(|error| reading(&error))
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let index = self.index.lock();
        Ok(LogState { last_purged_log_id: index.purged, last_log_id: index.last() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Ballot) -> Result<(), StorageError> {
        let vote = *vote;
        let saved = self.writer.call(|done| Job::Vote { vote, done }).await;
        saved.map_err(|error| StorageIOError::write_vote(openraft::AnyError::new(&error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Ballot>, StorageError> {
        Ok(self.index.lock().vote)
    }

    async fn save_committed(&mut self, committed: Option<EntryId>) -> Result<(), StorageError> {
        self.index.lock().committed = committed;
        let sent = self.writer.send(Job::Committed(committed)).await;
        sent.map_err(|error| writing(&error))
    }

    async fn read_committed(&mut self) -> Result<Option<EntryId>, StorageError> {
        Ok(self.index.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, done: LogFlushed<Types>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut encoded = Vec::new();
        {
            let mut recent = self.recent.lock();
            for entry in entries {
                let body = encode_body(&entry).map_err(|error| {
                    StorageIOError::write_log_entry(entry.log_id, openraft::AnyError::new(&error))
                })?;
                encoded.push((entry.log_id, body));
                recent.insert(entry);
            }
        }
        let sent = self.writer.send(Job::Append { entries: encoded, done }).await;
        sent.map_err(|error| writing(&error))
    }

    async fn truncate(&mut self, since: EntryId) -> Result<(), StorageError> {
        self.cuts.0.fetch_add(1, Ordering::AcqRel);
        self.recent.lock().truncate(since.index);
        let from = since.index;
        let done = self.writer.call(|done| Job::Truncate { from, done }).await;
        done.map_err(|error| writing(&error))
    }

    async fn purge(&mut self, upto: EntryId) -> Result<(), StorageError> {
        self.recent.lock().drop_through(upto.index);
        let done = self.writer.call(|done| Job::Purge { upto, done }).await;
        done.map_err(|error| writing(&error))
    }
}
