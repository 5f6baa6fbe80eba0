//! The log itself: blocking calls on one thread, testable at every crash point.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use disk::{Disk, DiskError, DiskFile};
use parking_lot::Mutex;
use units::{ByteCount, ClusterId, Random};

use crate::limits;
use crate::log::index::{Index, Opened, Slot};
use crate::log::record::{self, Ballot, EntryId, FRAME_BYTES, Framed, Record};
use crate::log::segment::{self, HEADER_BYTES, Header, NEW_SUFFIX};
use crate::log::{LogError, Salt};

/// Time of one group-committed sync.
const SYNC_SECONDS: &str = "essaim_log_sync_duration_seconds";

/// Sizes of a log; tests make them small.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// Nominal length of a segment.
    pub segment_bytes: ByteCount,
    /// Step in which zeros are written ahead.
    pub fill_bytes: ByteCount,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: ByteCount::new(limits::SEGMENT_BYTES),
            fill_bytes: ByteCount::new(limits::FILL_STEP_BYTES),
        }
    }
}

impl LogOptions {
    /// The usual ones for a file system of this size: on a small one segments are shorter,
    /// so that a purge, which frees whole ones, leaves little.
    pub fn for_disk(total: ByteCount) -> Self {
        let bytes = total.get() / limits::SEGMENT_SHARE;
        let bytes = bytes.clamp(limits::SEGMENT_BYTES_MIN, limits::SEGMENT_BYTES);
        Self { segment_bytes: ByteCount::new(bytes), ..Self::default() }
    }
}

/// An open log.
pub struct SegmentLog {
    disk: Arc<dyn Disk>,
    directory: String,
    cluster: ClusterId,
    options: LogOptions,
    /// Where the salts of new segments come from.
    random: Arc<dyn Random>,
    /// Oldest first; the last one is written to.
    segments: VecDeque<Segment>,
    /// Ordinal of the next record.
    ordinal: u64,
    /// Where the next record goes in the newest segment; all before is durable.
    end: u64,
    /// Up to here the newest segment is written, behind `end` with zeros.
    filled: u64,
    /// A committed position not yet written: it travels with the next append.
    committed_waiting: bool,
    index: Arc<Mutex<Index>>,
    failure: Option<String>,
}

struct Segment {
    number: u64,
    /// The highest entry that was ever written to it.
    last_index: Option<u64>,
    bytes: u64,
}

impl SegmentLog {
    /// Opens the log in a directory of the disk, creating it if there is none. `random`
    /// must be such that no client can foretell it.
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: &str,
        cluster: ClusterId,
        options: LogOptions,
        random: Arc<dyn Random>,
    ) -> Result<Self, LogError> {
        disk.create_dir(directory)?;
        let mut log = Self {
            disk,
            directory: directory.to_owned(),
            cluster,
            options,
            random,
            segments: VecDeque::new(),
            ordinal: 1,
            end: 0,
            filled: 0,
            committed_waiting: false,
            index: Arc::default(),
            failure: None,
        };
        let numbers = log.tidy_names()?;
        if numbers.is_empty() {
            log.roll()?;
        } else {
            log.recover(&numbers)?;
        }
        Ok(log)
    }

    /// Whether there is a log in this directory.
    pub fn exists(disk: &dyn Disk, directory: &str) -> Result<bool, LogError> {
        Ok(disk.exists(directory)?
            && disk.list(directory)?.iter().any(|name| segment::number_of(name).is_some()))
    }

    /// Removes segments that were never finished; returns the numbers of the others.
    fn tidy_names(&self) -> Result<Vec<u64>, LogError> {
        let mut numbers = Vec::new();
        for name in self.disk.list(&self.directory)? {
            if let Some(number) = segment::number_of(&name) {
                numbers.push(number);
            } else if name.ends_with(NEW_SUFFIX) {
                self.disk.remove(&self.path(&name))?;
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Replays the unbroken run of segments that ends with the newest.
    fn recover(&mut self, numbers: &[u64]) -> Result<(), LogError> {
        let newest = numbers.last().copied().unwrap_or_default();
        let run: Vec<u64> = numbers
            .iter()
            .rev()
            .zip((0..=newest).rev())
            .take_while(|(number, expected)| *number == expected)
            .map(|(number, _)| *number)
            .collect();
        let mut first: Option<Header> = None;
        for number in run.iter().rev().copied() {
            let header = self.replay(number, number == newest, first.is_none())?;
            first.get_or_insert(header);
        }
        self.check_complete(first)?;
        // Older segments, left by a removal that a power cut undid, are purged: the
        // check above has shown that nothing in front of the run is needed.
        for number in numbers.iter().filter(|number| !run.contains(number)) {
            self.disk.remove(&self.path(&segment::name(*number)))?;
        }
        Ok(())
    }

    /// Reads one segment into the index; the newest is cut behind its last record.
    fn replay(&mut self, number: u64, is_newest: bool, is_first: bool) -> Result<Header, LogError> {
        let name = segment::name(number);
        let path = self.path(&name);
        let file = self.disk.open(&path)?;
        let bytes = read_whole(&*file, &path)?;
        let header = Header::decode(&bytes, &path, number, self.cluster)?;
        if !is_first && header.ordinal != self.ordinal {
            return Err(LogError::Damaged {
                file: path,
                offset: 0,
                reason: format!(
                    "it begins with record {}, {} was expected",
                    header.ordinal, self.ordinal
                ),
            });
        }
        let mut last_index = None;
        let index = Arc::clone(&self.index);
        let mut index = index.lock();
        let visit = |offset, framed: Framed<'_>| {
            replay_record(&mut index, &mut last_index, number, offset, &framed).map_err(|reason| {
                LogError::Damaged { file: path.clone(), offset, reason: reason.to_owned() }
            })
        };
        let (end, ordinal) = segment::walk(&bytes, &path, &header, is_newest, visit)?;
        if is_newest && end < bytes.len() as u64 {
            file.set_len(ByteCount::new(end))?;
            file.sync_data()?;
        }
        self.ordinal = ordinal;
        self.end = end;
        self.filled = end;
        index.bytes += end;
        index.files.insert(number, Opened { file, salt: header.salt });
        self.segments.push_back(Segment { number, last_index, bytes: end });
        Ok(header)
    }

    /// The run must begin where the purge ended, or before.
    fn check_complete(&self, first: Option<Header>) -> Result<(), LogError> {
        let index = self.index.lock();
        let purged_next = index.purged.map_or(0, |id| id.index + 1);
        match first {
            Some(header) if header.next_index > purged_next => Err(LogError::Incomplete {
                file: self.path(&segment::name(header.number)),
                first: header.next_index,
            }),
            _ => Ok(()),
        }
    }

    /// Appends entries that take the place of those from the first one's index on,
    /// as a follower does whose uncommitted entries were not its leader's; durable
    /// on return. Entries that were purged are not taken again, and committed
    /// ones never replaced.
    pub fn replace(&mut self, entries: &[(EntryId, &[u8])]) -> Result<(), LogError> {
        let given_up = self.purged().map_or(0, |purged| {
            entries.iter().take_while(|(id, _)| id.index <= purged.index).count()
        });
        let entries = entries.get(given_up..).unwrap_or_default();
        if let (Some((first, _)), Some(last)) = (entries.first(), self.last())
            && first.index <= last.index
            && self.committed().is_none_or(|committed| first.index > committed.index)
        {
            self.truncate(first.index)?;
        }
        self.append(entries)
    }

    /// Appends entries that follow the last one; durable on return.
    pub fn append(&mut self, entries: &[(EntryId, &[u8])]) -> Result<(), LogError> {
        let mut expected = None;
        for (id, _) in entries {
            let follows = match expected {
                Some(index) => id.index == index,
                None => self.index.lock().follows(id.index),
            };
            if !follows {
                let expected = expected.unwrap_or_else(|| self.index.lock().next_index());
                return Err(LogError::Gap { found: id.index, expected });
            }
            expected = Some(id.index + 1);
        }
        let records: Vec<Record<'_>> =
            entries.iter().map(|(id, body)| Record::Entry { id: *id, body }).collect();
        let places = self.commit(&records)?;
        let Some(active) = self.segments.back_mut() else { return Ok(()) };
        let mut index = self.index.lock();
        for ((id, _), (offset, length)) in entries.iter().zip(places) {
            index.slots.push_back(Slot { id: *id, segment: active.number, offset, length });
            active.last_index = active.last_index.max(Some(id.index));
        }
        Ok(())
    }

    /// Keeps a vote; durable on return.
    pub fn vote_save(&mut self, vote: Ballot) -> Result<(), LogError> {
        self.commit(&[Record::Vote(vote)])?;
        self.index.lock().vote = Some(vote);
        Ok(())
    }

    /// Keeps the committed position. It is written with the next append: what is
    /// lost of it by a power cut is found again from the entries and the votes.
    pub fn committed_save(&mut self, committed: Option<EntryId>) {
        self.index.lock().committed = committed;
        self.committed_waiting = true;
    }

    /// Voids this entry and all later ones; durable on return.
    pub fn truncate(&mut self, from: u64) -> Result<(), LogError> {
        self.commit(&[Record::Truncate { from }])?;
        self.index.lock().truncate(from);
        Ok(())
    }

    /// Gives up this entry and all earlier ones; durable on return. Segments that
    /// hold nothing else are removed.
    pub fn purge(&mut self, upto: EntryId) -> Result<(), LogError> {
        if self.index.lock().purged.is_some_and(|purged| purged >= upto) {
            return Ok(());
        }
        self.commit(&[Record::Purge(upto)])?;
        self.index.lock().purge(upto);
        let mut removed = false;
        while self.segments.len() > 1 {
            let Some(oldest) = self.segments.front() else { break };
            if oldest.last_index.is_some_and(|last| last > upto.index) {
                break;
            }
            let (number, bytes) = (oldest.number, oldest.bytes);
            self.segments.pop_front();
            let mut index = self.index.lock();
            index.files.remove(&number);
            index.bytes = index.bytes.saturating_sub(bytes);
            drop(index);
            self.disk.remove(&self.path(&segment::name(number)))?;
            removed = true;
        }
        if removed {
            self.disk.sync_dir(&self.directory)?;
        }
        Ok(())
    }

    /// Marks the log as closed in order.
    pub fn close(&mut self) -> Result<(), LogError> {
        self.commit(&[Record::Close])?;
        self.give_back();
        Ok(())
    }

    /// Cuts the zeros off a segment that takes no more records. They do no harm where
    /// that fails, or where a power cut undoes it.
    fn give_back(&self) {
        let newest = self.segments.back().map(|active| active.number);
        let file = newest.and_then(|number| self.index.lock().files.get(&number).cloned());
        if let Some(Opened { file, .. }) = file {
            let _ = file.set_len(ByteCount::new(self.end));
        }
    }

    /// The vote kept last.
    pub fn vote(&self) -> Option<Ballot> {
        self.index.lock().vote
    }

    /// What was purged last.
    pub fn purged(&self) -> Option<EntryId> {
        self.index.lock().purged
    }

    /// The committed position kept last.
    pub fn committed(&self) -> Option<EntryId> {
        self.index.lock().committed
    }

    /// The last entry, or what was purged last if there is none.
    pub fn last(&self) -> Option<EntryId> {
        self.index.lock().last()
    }

    /// Bytes in all segments.
    pub fn bytes(&self) -> ByteCount {
        ByteCount::new(self.index.lock().bytes)
    }

    /// The entry of this index and its body, read and checked; `None` if it is not there.
    pub fn read(&self, index: u64) -> Result<Option<(EntryId, Vec<u8>)>, LogError> {
        read_entry(&self.index, &self.directory, index)
    }

    /// The index, for readers on other threads.
    pub(crate) fn shared_index(&self) -> Arc<Mutex<Index>> {
        Arc::clone(&self.index)
    }

    /// The directory, for messages.
    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    /// Writes records as one write and one sync; returns offset and length of each.
    fn commit(&mut self, records: &[Record<'_>]) -> Result<Vec<(u64, usize)>, LogError> {
        if let Some(reason) = &self.failure {
            return Err(LogError::Stopped { reason: reason.clone() });
        }
        if self.end >= self.options.segment_bytes.get() {
            self.roll()?;
        }
        let newest = self.segments.back().map(|active| active.number);
        let opened = newest.and_then(|number| self.index.lock().files.get(&number).cloned());
        let Some(Opened { file, salt }) = opened else {
            return Err(self.fail("the newest segment is not open"));
        };
        let mut buffer = Vec::new();
        let mut ordinal = self.ordinal;
        let mut places = Vec::with_capacity(records.len());
        if self.committed_waiting {
            let committed = Record::Committed(self.index.lock().committed);
            record::encode(&committed, ordinal, self.end, salt, &mut buffer)?;
            ordinal += 1;
        }
        for record in records {
            let before = buffer.len();
            record::encode(record, ordinal, self.end, salt, &mut buffer)?;
            places.push((self.end + before as u64, buffer.len() - before));
            ordinal += 1;
        }
        self.write_durably(&*file, &buffer)?;
        self.ordinal = ordinal;
        self.committed_waiting = false;
        Ok(places)
    }

    /// One write and one sync at the end of the newest segment.
    fn write_durably(&mut self, file: &dyn DiskFile, buffer: &[u8]) -> Result<(), LogError> {
        let length = buffer.len() as u64;
        let upto = self.reserve(file, self.end + length)?;
        if let Err(error) = self.write(file, buffer, upto) {
            if units::planted::is_on("consensus-behind-failed-write") {
                self.end += length;
                return Err(error);
            }
            // Nothing of it was synced: cut off, it may be written again.
            self.filled = self.end;
            if let Err(cut) = file.set_len(ByteCount::new(self.end)) {
                return Err(self.fail(&format!("{error}; cutting it off failed too: {cut}")));
            }
            return Err(error);
        }
        let since = Instant::now();
        if units::planted::is_on("consensus-skip-log-sync") {
            // Nothing is synced, and nobody is told.
        } else if let Err(error) = file.sync_data() {
            self.fail(&error.to_string());
            return Err(LogError::Disk(error));
        }
        metrics::histogram!(SYNC_SECONDS).record(since.elapsed().as_secs_f64());
        self.end += length;
        if let Some(active) = self.segments.back_mut() {
            active.bytes += length;
        }
        self.index.lock().bytes += length;
        Ok(())
    }

    /// Sees to it that there is room for records that end here; nothing is written.
    /// Returns where the write is to end: where a step begins, with that step.
    fn reserve(&self, file: &dyn DiskFile, needed: u64) -> Result<u64, LogError> {
        if needed <= self.filled {
            return Ok(needed);
        }
        let wanted = needed.next_multiple_of(self.options.fill_bytes.get().max(1));
        let (reserved, upto) = match file.reserve(ByteCount::new(wanted)) {
            // Perhaps there is room for these records, if not for the whole step.
            Err(DiskError::Full { .. }) => (file.reserve(ByteCount::new(needed)), needed),
            other => (other, wanted),
        };
        match reserved {
            Err(error @ (DiskError::Full { .. } | DiskError::Poisoned { .. })) => Err(error.into()),
            // A file system that cannot is no reason to stop: the write will find out.
            _ => Ok(upto),
        }
    }

    /// Writes records, and zeros behind them up to there, so that the syncs of the next
    /// records change nothing of the file but its bytes: a file system with a journal
    /// would write that too each time, and with it whatever else waits for the journal.
    /// What was lost of the zeros and room never written are the same to whoever reads.
    fn write(&mut self, file: &dyn DiskFile, records: &[u8], upto: u64) -> Result<(), LogError> {
        let needed = self.end + records.len() as u64;
        if upto > needed {
            let zeros = vec![0; usize::try_from(upto - needed).unwrap_or_default()];
            match file.write_slices_at(&[records, &zeros], self.end) {
                // Where nothing can be reserved: the records alone may fit.
                Err(DiskError::Full { .. }) => {}
                other => {
                    other?;
                    self.filled = upto;
                    return Ok(());
                }
            }
        }
        file.write_all_at(records, self.end)?;
        self.filled = self.filled.max(needed);
        Ok(())
    }

    /// Begins the next segment; on failure the current one stays in use.
    fn roll(&mut self) -> Result<(), LogError> {
        let number = self.segments.back().map_or(1, |active| active.number + 1);
        let name = segment::name(number);
        let path = self.path(&name);
        let new_path = format!("{path}{NEW_SUFFIX}");
        let salt = Salt::draw(&*self.random);
        let (bytes, ordinal) = self.head(number, salt)?;
        let made = self.make(&new_path, &path, &bytes);
        let file = match made {
            Ok(file) => file,
            Err(error) => {
                // What is left of it is removed at the next start at the latest.
                let _ = self.disk.remove(&new_path);
                return Err(error.into());
            }
        };
        self.give_back();
        self.ordinal = ordinal;
        self.end = bytes.len() as u64;
        self.filled = self.end;
        self.committed_waiting = false;
        let mut index = self.index.lock();
        index.bytes += self.end;
        index.files.insert(number, Opened { file, salt });
        self.segments.push_back(Segment { number, last_index: None, bytes: self.end });
        Ok(())
    }

    /// Header and first records of a new segment, and the ordinal that follows them.
    fn head(&self, number: u64, salt: Salt) -> Result<(Vec<u8>, u64), LogError> {
        let index = self.index.lock();
        let mut ordinal = self.ordinal;
        let (cluster, next_index) = (self.cluster, index.next_index());
        let header = Header { cluster, number, ordinal, next_index, salt };
        let mut bytes = header.encode();
        let vote = index.vote.map(Record::Vote);
        let committed = index.committed.map(|id| Record::Committed(Some(id)));
        let purged = index.purged.map(Record::Purge);
        for record in [vote, committed, purged].into_iter().flatten() {
            record::encode(&record, ordinal, HEADER_BYTES as u64, salt, &mut bytes)?;
            ordinal += 1;
        }
        Ok((bytes, ordinal))
    }

    fn make(
        &self,
        new_path: &str,
        path: &str,
        bytes: &[u8],
    ) -> Result<Arc<dyn DiskFile>, DiskError> {
        if self.disk.exists(new_path)? {
            self.disk.remove(new_path)?;
        }
        let file = self.disk.create(new_path)?;
        file.write_all_at(bytes, 0)?;
        file.sync_data()?;
        self.disk.rename(new_path, path)?;
        self.disk.sync_dir(&self.directory)?;
        Ok(file)
    }

    /// Remembers the first failure: this process writes no more.
    fn fail(&mut self, reason: &str) -> LogError {
        let reason = self.failure.get_or_insert_with(|| reason.to_owned()).clone();
        LogError::Stopped { reason }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }
}

/// Takes one record into the index; an error says what is wrong with it.
fn replay_record(
    index: &mut Index,
    last_index: &mut Option<u64>,
    segment: u64,
    offset: u64,
    framed: &Framed<'_>,
) -> Result<(), &'static str> {
    match framed.record {
        Record::Entry { id, .. } => {
            // The run may begin after entries that were purged; whether too late is
            // checked when all is read.
            if index.slots.back().is_some_and(|last| id.index != last.id.index + 1) {
                return Err("an entry does not follow the one before it");
            }
            *last_index = (*last_index).max(Some(id.index));
            index.slots.push_back(Slot { id, segment, offset, length: framed.length });
        }
        Record::Vote(vote) => index.vote = Some(vote),
        Record::Committed(committed) => index.committed = committed,
        Record::Truncate { from } => index.truncate(from),
        Record::Purge(upto) => index.purge(upto),
        Record::Close => {}
    }
    Ok(())
}

fn read_whole(file: &dyn DiskFile, path: &str) -> Result<Vec<u8>, LogError> {
    let length = file.length()?.get();
    let most = limits::SEGMENT_BYTES + 2 * limits::RECORD_BYTES_MAX as u64;
    let Some(length) = usize::try_from(length).ok().filter(|_| length <= most) else {
        return Err(LogError::Damaged {
            file: path.to_owned(),
            offset: 0,
            reason: format!("it is {length} bytes long"),
        });
    };
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Reads an entry where the index says it is, and checks that it is that entry.
pub(crate) fn read_entry(
    shared: &Mutex<Index>,
    directory: &str,
    index: u64,
) -> Result<Option<(EntryId, Vec<u8>)>, LogError> {
    let (slot, Opened { file, salt }) = {
        let shared = shared.lock();
        let Some(slot) = shared.slot(index) else { return Ok(None) };
        let Some(opened) = shared.files.get(&slot.segment).cloned() else { return Ok(None) };
        (slot, opened)
    };
    let mut bytes = vec![0; slot.length];
    file.read_exact_at(&mut bytes, slot.offset)?;
    let reason = match record::decode(&bytes, salt) {
        Ok(Some(Framed { record: Record::Entry { id, .. }, .. })) if id == slot.id => {
            bytes.drain(..FRAME_BYTES + record::ENTRY_ID_BYTES);
            return Ok(Some((id, bytes)));
        }
        Ok(_) => "another record is there",
        Err(fault) => fault.0,
    };
    Err(LogError::Damaged {
        file: format!("{directory}/{}", segment::name(slot.segment)),
        offset: slot.offset,
        reason: reason.to_owned(),
    })
}
