//! How full a file system is, asked so that nobody hangs with it.
//!
//! `statvfs` on a disk that does not answer (a network file system whose server is
//! gone, a dying device) returns late or never, and those who want to know are often
//! threads that must not stop: they serve every client. So a thread of each disk's own
//! asks, and the others wait for it for a moment only.
//! ```text
//!   young reading ─▶ that
//!   none young ────▶ ask, wait up to PATIENCE ─▶ the fresh one, or else the last one
//!   unanswered for HANGS_AFTER ─▶ DiskError::Hanging, at once, until it answers
//! ```
//! **Invariants**
//! - There is at most one question at a time, and one thread that may hang with it.
//! - A reading that is older than [`YOUNG_MAX`], or from before the disk itself took or
//!   gave back room, is handed out only while the file system is slow to give another.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::real::describe;
use crate::{DiskError, Space};

/// How long a reading is believed: so short that a file system which others fill is
/// noticed, so long that a write that looks at each disk several times asks once.
const YOUNG_MAX: Duration = Duration::from_millis(20);

/// How long a caller waits for a fresh reading when there is an older one.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long a question is unanswered before the disk counts as hanging: longer than a
/// loaded network file system takes, shorter than clients wait.
const HANGS_AFTER: Duration = Duration::from_secs(2);

/// After how long those who only want to know whether the disk hangs ask again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long the first reading may take, before which nothing is known.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);

/// What the thread needs; it calls `statvfs` and little else.
const STACK_BYTES: usize = 128 * 1024;

/// How the file system is asked.
pub(crate) type Ask = Arc<dyn Fn() -> io::Result<Space> + Send + Sync>;

/// The last answer and the question that waits for the next.
#[derive(Default)]
struct Answers {
    /// The last reading and when it was asked for.
    reading: Option<(Instant, Space)>,
    /// Why there was none the last time it was asked.
    failed: Option<io::Error>,
    /// The file system has answered once.
    known: bool,
    /// Since when a question waits for its answer.
    asked: Option<Instant>,
    /// Room was taken or given back since the reading was asked for.
    stale: bool,
    /// The disk is closed.
    ended: bool,
}

#[derive(Default)]
struct Desk {
    answers: Mutex<Answers>,
    /// A question is there, or the end.
    asked: Condvar,
    /// An answer is there.
    answered: Condvar,
}

/// The room on one file system, as far as it answers.
pub(crate) struct Room {
    desk: Arc<Desk>,
    ask: Ask,
    /// The thread runs; changed under the lock of the answers.
    started: AtomicBool,
    root: PathBuf,
    first_patience: Duration,
}

impl Room {
    /// The room of the file system that a disk's directory is on.
    pub(crate) fn of(root: PathBuf) -> Self {
        let place = root.clone();
        // Another file system in its place, as after it was unmounted, is not the disk's.
        let known = OnceLock::new();
        let ask = move || {
            let device = rustix::fs::stat(&place)?.st_dev;
            if *known.get_or_init(|| device) != device {
                return Err(io::ErrorKind::NotFound.into());
            }
            let facts = rustix::fs::statvfs(&place)?;
            let bytes = |blocks: u64| units::ByteCount::new(blocks.saturating_mul(facts.f_frsize));
            Ok(Space { total: bytes(facts.f_blocks), free: bytes(facts.f_bavail) })
        };
        Self::asking(root, Arc::new(ask), FIRST_PATIENCE)
    }

    fn asking(root: PathBuf, ask: Ask, first_patience: Duration) -> Self {
        Self { desk: Arc::default(), ask, started: AtomicBool::new(false), root, first_patience }
    }

    /// The last reading is from before something that changed the room.
    pub(crate) fn changed(&self) {
        self.desk.answers.lock().stale = true;
    }

    /// Whether a question has waited so long that the disk counts as hanging. Sees to it
    /// that there is one now and then, but never waits.
    pub(crate) fn is_hanging(&self) -> bool {
        let mut answers = self.desk.answers.lock();
        if answers.reading.is_none_or(|(since, _)| since.elapsed() >= LOOK_AGAIN) {
            // Where there is no thread to be had, the disk is not to blame.
            let _ = self.ask(&mut answers);
        }
        answers.asked.is_some_and(|asked| asked.elapsed() >= self.patience(&answers).1)
    }

    /// The room; waits for it for a moment only.
    pub(crate) fn read(&self) -> Result<Space, DiskError> {
        let mut answers = self.desk.answers.lock();
        // A second time if the answer is to a question from before the disk changed.
        for _ in 0..2 {
            if let Some((since, space)) = answers.reading
                && since.elapsed() < YOUNG_MAX
                && !answers.stale
            {
                return Ok(space);
            }
            let asked = self.ask(&mut answers)?;
            let (patience, hangs_after) = self.patience(&answers);
            while answers.asked == Some(asked) {
                if self.desk.answered.wait_until(&mut answers, asked + patience).timed_out() {
                    break;
                }
            }
            if answers.asked == Some(asked) {
                let since = asked.elapsed();
                let last = answers.reading.filter(|_| since < hangs_after);
                return last.map(|(_, space)| space).ok_or_else(|| self.hanging(since));
            }
            if let Some(error) = &answers.failed {
                return Err(describe("", "statvfs", again(error)));
            }
            if !answers.stale {
                break;
            }
        }
        let last = answers.reading.map(|(_, space)| space);
        last.ok_or_else(|| self.hanging(Duration::ZERO))
    }

    /// Asks, unless a question waits already; since when it does.
    fn ask(&self, answers: &mut Answers) -> Result<Instant, DiskError> {
        if let Some(asked) = answers.asked {
            return Ok(asked);
        }
        if !self.started.load(Ordering::Relaxed) {
            self.thread_start().map_err(|source| describe("", "clone", source))?;
            self.started.store(true, Ordering::Relaxed);
        }
        let now = Instant::now();
        // What changes from here on may or may not be in the answer.
        (answers.asked, answers.stale) = (Some(now), false);
        self.desk.asked.notify_one();
        Ok(now)
    }

    /// How long to wait for an answer, and after how long the disk hangs.
    fn patience(&self, answers: &Answers) -> (Duration, Duration) {
        if answers.known {
            (PATIENCE, HANGS_AFTER)
        } else {
            (self.first_patience, self.first_patience)
        }
    }

    fn hanging(&self, since: Duration) -> DiskError {
        DiskError::Hanging { path: self.root.display().to_string(), seconds: since.as_secs() }
    }

    /// Nobody waits for the thread's end, which a file system that hangs would not let
    /// come.
    fn thread_start(&self) -> io::Result<()> {
        let (desk, ask) = (Arc::clone(&self.desk), Arc::clone(&self.ask));
        let thread = std::thread::Builder::new().name("room".into()).stack_size(STACK_BYTES);
        thread.spawn(move || desk.serve(&*ask)).map(|_| ())
    }
}

impl Desk {
    /// Answers questions until the disk is closed.
    fn serve(&self, ask: &dyn Fn() -> io::Result<Space>) {
        let mut answers = self.answers.lock();
        while !answers.ended {
            let Some(asked) = answers.asked else {
                self.asked.wait(&mut answers);
                continue;
            };
            let answer = MutexGuard::unlocked(&mut answers, ask);
            (answers.asked, answers.known) = (None, true);
            (answers.reading, answers.failed) = match answer {
                Ok(space) => (Some((asked, space)), None),
                // What was read before is not true for ever.
                Err(error) => (None, Some(error)),
            };
            self.answered.notify_all();
        }
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.desk.answers.lock().ended = true;
        self.desk.asked.notify_all();
    }
}

impl core::fmt::Debug for Room {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Room").field("root", &self.root).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use units::ByteCount;

    use super::*;

    fn bytes(free: u64) -> Space {
        Space { total: ByteCount::new(1_000), free: ByteCount::new(free) }
    }

    /// A file system that answers what it is given here, and hangs while there is nothing.
    fn fake(first_patience: Duration) -> (Room, mpsc::Sender<io::Result<Space>>) {
        let (give, given) = mpsc::channel();
        let given = Mutex::new(given);
        let gone = |_| Err(io::ErrorKind::BrokenPipe.into());
        let ask = move || given.lock().recv().unwrap_or_else(gone);
        (Room::asking("/fake".into(), Arc::new(ask), first_patience), give)
    }

    fn aged() {
        std::thread::sleep(YOUNG_MAX + Duration::from_millis(5));
    }

    #[test]
    fn a_file_system_that_hangs_holds_nobody_and_is_told() {
        let (room, give) = fake(FIRST_PATIENCE);
        give.send(Ok(bytes(7))).unwrap();
        assert_eq!(room.read().unwrap(), bytes(7));
        aged();
        let begun = Instant::now();
        assert_eq!(room.read().unwrap(), bytes(7), "the last reading, after a moment");
        assert!(begun.elapsed() >= PATIENCE);
        for _ in 0..1_000 {
            assert_eq!(room.read().unwrap(), bytes(7), "and then without waiting");
        }
        assert!(begun.elapsed() < HANGS_AFTER, "{:?}", begun.elapsed());
        assert!(!room.is_hanging());
        std::thread::sleep(HANGS_AFTER);
        assert!(room.is_hanging());
        let begun = Instant::now();
        for _ in 0..1_000 {
            assert!(matches!(room.read(), Err(DiskError::Hanging { .. })));
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        // It answers after all: first what it was asked long ago, then what is true.
        give.send(Ok(bytes(5))).unwrap();
        give.send(Ok(bytes(4))).unwrap();
        while room.is_hanging() {
            std::thread::yield_now();
        }
        assert_eq!(room.read().unwrap(), bytes(4));
    }

    #[test]
    fn a_first_reading_that_does_not_come_is_an_error_that_names_the_disk() {
        let (room, give) = fake(Duration::from_millis(50));
        for _ in 0..2 {
            let error = room.read().unwrap_err();
            assert!(matches!(error, DiskError::Hanging { .. }), "{error}");
            assert!(error.to_string().contains("/fake"), "{error}");
        }
        assert!(room.is_hanging());
        drop(give);
    }

    #[test]
    fn what_the_disk_takes_itself_is_seen_at_once() {
        let (room, give) = fake(FIRST_PATIENCE);
        give.send(Ok(bytes(7))).unwrap();
        give.send(Ok(bytes(6))).unwrap();
        assert_eq!(room.read().unwrap(), bytes(7));
        room.changed();
        assert_eq!(room.read().unwrap(), bytes(6));
        aged();
        give.send(Err(io::Error::from_raw_os_error(5))).unwrap();
        assert!(matches!(room.read(), Err(DiskError::Io { operation: "statvfs", .. })));
    }

    #[test]
    fn a_room_that_is_dropped_ends_its_thread_and_waits_for_none_that_hangs() {
        let (room, give) = fake(FIRST_PATIENCE);
        give.send(Ok(bytes(7))).unwrap();
        room.read().unwrap();
        let desk = Arc::downgrade(&room.desk);
        drop(room);
        while desk.strong_count() > 0 {
            std::thread::yield_now();
        }
        let (room, give) = fake(Duration::from_millis(1));
        room.read().unwrap_err();
        drop(room);
        drop(give);
    }
}
