//! Random work on a log, and an oracle that knows what may be found afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::Member;
use consensus::log::record::{Ballot, EntryId};
use consensus::log::{LogError, LogOptions, SegmentLog};
use disk::{Disk, SimDisk, Survival};
use openraft::{CommittedLeaderId, LogId, Vote};
use units::{ByteCount, ClusterId, Random, SimRandom};

use super::Choices;

/// Seeds of the ordinary run.
pub const CRASH_SEEDS: u64 = 10;
/// Operations in a script.
pub(super) const STEPS: usize = 45;
pub const CLUSTER: ClusterId = ClusterId::from_u128(77);

/// What a log must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    entries: BTreeMap<u64, (EntryId, Vec<u8>)>,
    vote: Option<Ballot>,
    purged: Option<EntryId>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Append(Vec<(EntryId, Vec<u8>)>),
    Vote(Ballot),
    Committed(Option<EntryId>),
    Truncate(u64),
    Purge(EntryId),
}

impl Model {
    fn last(&self) -> Option<EntryId> {
        self.entries.values().next_back().map(|(id, _)| *id).max(self.purged)
    }

    pub(super) fn draw(&self, choices: &Choices, term: &mut u64) -> Step {
        let next = self.last().map_or(0, |id| id.index + 1);
        match choices.below(20) {
            0 => {
                *term += 1;
                Step::Vote(Vote::new(*term, Member::from(1)))
            }
            1 => Step::Committed(self.last()),
            2 if self.entries.len() > 2 => {
                let keys: Vec<u64> = self.entries.keys().copied().collect();
                *term += 1;
                Step::Truncate(keys[keys.len() - 1 - choices.below(2)])
            }
            3 | 4 if self.entries.len() > 4 => {
                let ids: Vec<EntryId> = self.entries.values().map(|(id, _)| *id).collect();
                Step::Purge(ids[choices.below(ids.len())])
            }
            _ => {
                let count = 1 + choices.below(3) as u64;
                let leader = CommittedLeaderId::new(*term, Member::from(1));
                let entry = |place| {
                    let length = choices.below(700);
                    (LogId::new(leader, next + place), choices.bytes(length))
                };
                Step::Append((0..count).map(entry).collect())
            }
        }
    }

    pub(super) fn apply(&mut self, step: &Step) {
        match step {
            Step::Append(entries) => {
                for (id, body) in entries {
                    self.entries.insert(id.index, (*id, body.clone()));
                }
            }
            Step::Vote(vote) => self.vote = Some(*vote),
            Step::Committed(_) => {}
            Step::Truncate(from) => {
                self.entries.split_off(from);
            }
            Step::Purge(upto) => {
                self.entries = self.entries.split_off(&(upto.index + 1));
                self.purged = Some(*upto);
            }
        }
    }

    /// All that may be found if the power went during a step; or during the last of
    /// these, of which those before it failed and were given up.
    fn outcomes(&self, steps: &[Step]) -> Vec<Self> {
        let mut all = vec![self.clone()];
        for step in steps {
            let parts = match step {
                Step::Append(entries) => (1..=entries.len())
                    .map(|count| Step::Append(entries[..count].to_vec()))
                    .collect(),
                other => vec![other.clone()],
            };
            for part in parts {
                let mut model = self.clone();
                model.apply(&part);
                all.push(model);
            }
        }
        all
    }
}

fn options() -> LogOptions {
    LogOptions { segment_bytes: ByteCount::new(2048), fill_bytes: ByteCount::new(1024) }
}

/// Opens the log of a disk, with small segments.
pub fn open(disk: &Arc<SimDisk>) -> Result<SegmentLog, LogError> {
    open_with(disk, Arc::new(SimRandom::seeded(77)))
}

/// Opens the log of a disk, with other lengths.
pub fn open_as(disk: &Arc<SimDisk>, options: LogOptions) -> Result<SegmentLog, LogError> {
    let random = Arc::new(SimRandom::seeded(77));
    SegmentLog::open(Arc::clone(disk) as Arc<dyn Disk>, "log", CLUSTER, options, random)
}

fn open_with(disk: &Arc<SimDisk>, random: Arc<dyn Random>) -> Result<SegmentLog, LogError> {
    SegmentLog::open(Arc::clone(disk) as Arc<dyn Disk>, "log", CLUSTER, options(), random)
}

pub(super) fn carry_out(log: &mut SegmentLog, step: &Step) -> Result<(), LogError> {
    match step {
        Step::Append(entries) => {
            let entries: Vec<(EntryId, &[u8])> =
                entries.iter().map(|(id, body)| (*id, &body[..])).collect();
            log.append(&entries)
        }
        Step::Vote(vote) => log.vote_save(*vote),
        Step::Committed(committed) => {
            log.committed_save(*committed);
            Ok(())
        }
        Step::Truncate(from) => log.truncate(*from),
        Step::Purge(upto) => log.purge(*upto),
    }
}

/// What the log holds.
fn contents(log: &SegmentLog) -> Result<Model, LogError> {
    let mut model = Model { vote: log.vote(), purged: log.purged(), ..Model::default() };
    let Some(last) = log.last() else { return Ok(model) };
    for index in model.purged.map_or(0, |id| id.index + 1)..=last.index {
        if let Some((id, body)) = log.read(index)? {
            model.entries.insert(index, (id, body));
        }
    }
    Ok(model)
}

/// Works until the end of the script or the first error; returns what is
/// acknowledged and the step that was under way.
fn work(disk: &Arc<SimDisk>, seed: u64) -> (Model, Option<Step>) {
    let choices = Choices::seeded(seed);
    let mut model = Model::default();
    let Ok(mut log) = open(disk) else { return (model, None) };
    let mut term = 1;
    for _ in 0..STEPS {
        let step = model.draw(&choices, &mut term);
        if carry_out(&mut log, &step).is_err() {
            return (model, Some(step));
        }
        model.apply(&step);
    }
    (model, None)
}

/// Cuts one script at every operation; returns the number of crash points.
pub fn sweep(seed: u64) -> Result<u64, String> {
    let disk = SimDisk::new();
    work(&disk, seed);
    let operations = disk.operations();
    let mut points = 0;
    for cut in 0..operations {
        let disk = SimDisk::new();
        disk.cut_before(cut);
        let (model, under_way) = work(&disk, seed);
        for survival in [
            Survival::LoseAll,
            Survival::KeepAll,
            Survival::Drawn(seed * 1000 + cut),
            Survival::Drawn(seed * 1000 + cut + 500_000),
        ] {
            points += 1;
            let here = || format!("seed {seed}, cut before operation {cut}, {survival:?}");
            let found = disk.after_power_cut(survival);
            check(&found, &model, under_way.as_slice())
                .map_err(|error| format!("{}: {error}", here()))?;
        }
    }
    Ok(points)
}

/// What is found is allowed; and after one more entry and one more cut it still is.
pub(super) fn check(disk: &Arc<SimDisk>, model: &Model, under_way: &[Step]) -> Result<(), String> {
    let mut log = open(disk).map_err(|error| format!("refused to open: {error}"))?;
    let mut found = contents(&log).map_err(|error| format!("unreadable: {error}"))?;
    if !model.outcomes(under_way).contains(&found) {
        let keys = |model: &Model| model.entries.keys().copied().collect::<Vec<_>>();
        return Err(format!(
            "found entries {:?}, vote {:?}, purged {:?}; acknowledged entries {:?}, vote {:?}, \
             purged {:?}; under way {under_way:?}",
            keys(&found),
            found.vote,
            found.purged,
            keys(model),
            model.vote,
            model.purged,
        ));
    }
    let next = found.last().map_or(0, |id| id.index + 1);
    let leader = CommittedLeaderId::new(999, Member::from(2));
    let step = Step::Append(vec![(LogId::new(leader, next), b"after the cut".to_vec())]);
    carry_out(&mut log, &step).map_err(|error| format!("cannot go on: {error}"))?;
    found.apply(&step);
    drop(log);
    let again = disk.after_power_cut(Survival::LoseAll);
    let log = open(&again).map_err(|error| format!("refused to open again: {error}"))?;
    let after = contents(&log).map_err(|error| format!("unreadable: {error}"))?;
    if after == found { Ok(()) } else { Err("an entry written after the cut was lost".to_owned()) }
}

/// Flips bits all over a closed log; returns how many, and how many refused the start.
pub fn flip_bits(seed: u64) -> Result<(u64, u64), String> {
    let disk = SimDisk::new();
    let (model, _) = work(&disk, seed);
    open(&disk).and_then(|mut log| log.close()).map_err(|error| error.to_string())?;
    let (mut flips, mut refused) = (0, 0);
    for (path, length) in disk.files() {
        for bit in (0..length.get() * 8).step_by(13) {
            flips += 1;
            let copy = disk.after_power_cut(Survival::KeepAll);
            assert!(copy.flip_bit(&path, bit), "{path} has bit {bit}");
            match open(&copy) {
                Err(_) => refused += 1,
                Ok(log) => {
                    let found = contents(&log).map_err(|error| error.to_string())?;
                    if found != model {
                        return Err(format!("{path} bit {bit}: entries were lost or changed"));
                    }
                }
            }
        }
    }
    Ok((flips, refused))
}

fn golden_steps() -> Vec<Step> {
    let id = |term, index| LogId::new(CommittedLeaderId::new(term, Member::from(1)), index);
    vec![
        Step::Vote(Vote::new(1, Member::from(1))),
        Step::Append(vec![(id(1, 0), vec![]), (id(1, 1), b"one".to_vec())]),
        Step::Committed(Some(id(1, 1))),
        Step::Append(vec![(id(1, 2), b"two".to_vec()), (id(1, 3), b"void".to_vec())]),
        Step::Truncate(3),
        Step::Append(vec![(id(2, 3), b"three".to_vec())]),
        Step::Purge(id(1, 0)),
    ]
}

/// The salt of the golden segment.
struct GoldenSalt;

impl Random for GoldenSalt {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value);
    }
}

/// The bytes of a small segment with every kind of record.
pub fn golden_make() -> Vec<u8> {
    let disk = SimDisk::new();
    let mut log = open_with(&disk, Arc::new(GoldenSalt)).expect("a new log");
    for step in golden_steps() {
        carry_out(&mut log, &step).expect("carried out");
    }
    log.close().expect("closed");
    segments(&disk).pop().expect("a segment").1
}

/// The names and bytes of all segments, oldest first.
pub fn segments(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let read = |(path, length): (String, ByteCount)| {
        let mut bytes = vec![0; usize::try_from(length.get()).expect("small")];
        disk.open(&path).expect("opens").read_exact_at(&mut bytes, 0).expect("read");
        (path, bytes)
    };
    let mut found: Vec<_> = disk.files().into_iter().map(read).collect();
    found.sort();
    found
}

/// A disk with a log of one segment, the first.
pub fn with_segment(bytes: &[u8]) -> Arc<SimDisk> {
    let disk = SimDisk::new();
    disk.create_dir("log").expect("a directory");
    let name = consensus::log::segment::name(1);
    let file = disk.create(&format!("log/{name}")).expect("a file");
    file.write_all_at(bytes, 0).expect("written");
    disk
}

/// The bytes are read as what was written, and the log goes on behind them, in the next
/// segment with a salt.
pub fn golden_check(bytes: &[u8]) {
    let disk = with_segment(bytes);
    let mut log = open(&disk).expect("opens");
    let mut expected = Model::default();
    for step in golden_steps() {
        expected.apply(&step);
    }
    assert_eq!(contents(&log).expect("readable"), expected);
    assert_eq!(log.committed().map(|id| id.index), Some(1));
    for index in 4..12 {
        let id = LogId::new(CommittedLeaderId::new(2, Member::from(1)), index);
        let step = Step::Append(vec![(id, vec![7; 500])]);
        carry_out(&mut log, &step).expect("goes on");
        expected.apply(&step);
    }
    drop(log);
    let log = open(&disk).expect("opens again");
    assert_eq!(contents(&log).expect("readable"), expected);
    let found = segments(&disk);
    assert!(found.len() > 2, "a segment is full");
    let header = |at: usize| found[at].1[..64].to_vec();
    assert_eq!(header(0)[8..12], bytes[8..12], "the segment stays of its format");
    assert!((1..found.len()).all(|at| header(at)[8..12] == [0, 0, 0, 2]));
    let salts: std::collections::BTreeSet<_> =
        (0..found.len()).map(|at| header(at)[52..60].to_vec()).collect();
    assert_eq!(salts.len(), found.len(), "every segment has a salt of its own");
}

/// Appends entries of a few bytes and closes the log; returns how many of the appends
/// changed the length of a file, and how many bytes more than records the files have then.
pub fn fill(appends: u64) -> Result<(u64, u64), LogError> {
    let disk = Arc::new(SimDisk::new());
    let mut log = open(&disk)?;
    let lengths = || -> Result<Vec<u64>, LogError> {
        let names = disk.list("log")?;
        let length = |name: &String| Ok(disk.open(&format!("log/{name}"))?.length()?.get());
        names.iter().map(length).collect()
    };
    let (mut grown, mut before) = (0, lengths()?);
    for index in 0..appends {
        let id = LogId::new(CommittedLeaderId::new(1, Member::from(1)), index);
        log.append(&[(id, b"entry")])?;
        let after = lengths()?;
        grown += u64::from(after != before);
        before = after;
    }
    log.close()?;
    Ok((grown, lengths()?.iter().sum::<u64>() - log.bytes().get()))
}
