//! Looks at the machine and the data directory, and says what to do. Changes
//! nothing but a probe file that it removes again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use admin::model::{Matter, Status, UnreadablePart, nearly_full};
use disk::{DiskError, OutsideFile, Space};
use serde::Serialize;

use crate::files::{ACCOUNTS_FILE, NODE_FILE, NODE_KEY_FILE, ROOT_KEY_FILE, SOCKET_NAME};
use crate::limits::{PLACES_ASKED_AT_ONCE, UNREADABLE_SHOWN_MAX};
use crate::operations::{CLOCK, CLOCK_WHAT_TO_DO, CUT_OFF, component};
use crate::settings::SETTINGS;
use crate::start_checks;
use crate::trouble::chain;

/// What is thought of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// As it should be, and could be better.
    Hint,
    /// It works, but look at it.
    Doubtful,
    /// It will not work, or is not safe.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// What is thought of it.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; empty if nothing.
    pub what_to_do: String,
}

/// Bits of a mode that let others in.
const OTHERS: u32 = 0o077;

pub(crate) fn finding(
    subject: &'static str,
    verdict: Verdict,
    found: impl Into<String>,
    what_to_do: impl Into<String>,
) -> Finding {
    Finding { subject, verdict, found: found.into(), what_to_do: what_to_do.into() }
}

/// Below this, the node refuses writes.
const FREE_BYTES_BAD: u64 = 512 << 20;
/// A disk with a battery or an SSD answers a sync well within this.
const SYNC_DOUBTFUL: Duration = Duration::from_millis(20);
/// Syncs that are timed.
const SYNCS: u32 = 16;
/// A node with a thousand clients and many segments needs this many files.
const FILES_WANTED: u64 = 8_192;
/// 2025-01-01; a clock before it was never set.
const CLOCK_MIN_SECONDS: u64 = 1_735_689_600;

/// Looks at everything.
pub fn examine(data: &Path) -> Vec<Finding> {
    examine_asking(data, &Looks::new(&disk::outside_space))
}

fn examine_asking(data: &Path, looks: &Looks<'_>) -> Vec<Finding> {
    if looks.is_hanging(data) {
        return vec![hanging("data directory", data), clock(), open_files()];
    }
    looks.ask_all(&start_checks::known_places(data));
    let mut findings = vec![directory(data), running(data)];
    for name in [ROOT_KEY_FILE, NODE_KEY_FILE, ACCOUNTS_FILE, "credentials.json"] {
        findings.extend(private_file(data, name));
    }
    findings.extend(start_checks::examine(data, looks));
    findings.extend(start_checks::places(data, looks).iter().map(|place| space(place, looks)));
    findings.push(sync_speed(data));
    findings.push(clock());
    findings.push(open_files());
    if !data.join(SOCKET_NAME).exists() {
        findings.extend(ports());
    }
    findings
}

/// Looks at what a running node says of itself.
pub fn examine_status(status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    for waiting in &status.unconfirmed {
        let verdict = match waiting.matter {
            // Nothing is written meanwhile.
            Matter::Clock => Verdict::Bad,
            Matter::Restore => Verdict::Doubtful,
        };
        let command = waiting.command.clone();
        findings.push(finding("to confirm", verdict, waiting.reason.clone(), command));
    }
    for part in status.unreadable.iter().take(UNREADABLE_SHOWN_MAX) {
        let what_to_do = "bring back the disk that is missing, or put the object once more";
        findings.push(finding("lost data", Verdict::Bad, unreadable_text(part), what_to_do));
    }
    if status.unreadable.len() > UNREADABLE_SHOWN_MAX || status.unreadable_more {
        let found = format!("more than {UNREADABLE_SHOWN_MAX} parts cannot be read");
        findings.push(finding("lost data", Verdict::Bad, found, "essaim status --json has them"));
    }
    if let Some((found, what_to_do)) = homeless_text(status) {
        findings.push(finding("redundancy", Verdict::Bad, found, what_to_do));
    }
    if let Some((found, what_to_do)) = single_text(status) {
        findings.push(finding("redundancy", Verdict::Doubtful, found, what_to_do));
    }
    for reason in &status.not_ready {
        let found = format!("{}: {}", reason.component, reason.reason);
        findings.push(finding("not ready", Verdict::Bad, found, ""));
    }
    for reason in &status.degraded {
        let found = format!("{}: {}", reason.component, reason.reason);
        // What to do about a disk is said with it.
        let is_disk = status.disks.iter().any(|disk| component(&disk.path) == reason.component);
        let what_to_do = match &*reason.component {
            _ if is_disk => "essaim disk list",
            CLOCK => CLOCK_WHAT_TO_DO,
            CUT_OFF => "essaim site list; look after this site's link, and the sites that are away",
            _ => "see the log",
        };
        findings.push(finding("degraded", Verdict::Doubtful, found, what_to_do));
    }
    findings
}

/// What to do about fragments that could be rebuilt and have no disk to go to.
pub const HOMELESS_WHAT_TO_DO: &str = "bring back the disk that is missing, or add one with --disk \
                                       DIR; free room if the others are full";

/// Parts that wait for a disk, in words, and what to do.
pub fn homeless_text(status: &Status) -> Option<(String, &'static str)> {
    let parts = status.queues.homeless_parts;
    let have = if parts == 1 { "1 part has".to_owned() } else { format!("{parts} parts have") };
    let found = format!(
        "{have} lost fragments that there is no disk to rebuild on: what is left can be read, \
         and survives one loss less"
    );
    (parts > 0).then_some((found, HOMELESS_WHAT_TO_DO))
}

/// Parts that have one copy on a site of several disks, in words, and what to do.
pub fn single_text(status: &Status) -> Option<(String, &'static str)> {
    let Some(parts) = status.queues.single_parts else {
        let found = "whether everything has a second copy is still being counted";
        return Some((found.to_owned(), "wait before a disk is taken away"));
    };
    let have = if parts == 1 { "1 part has".to_owned() } else { format!("{parts} parts have") };
    let found = format!(
        "{have} one copy only, from when the site had one disk: it is lost with that disk until \
         it is copied to another, which goes on by itself"
    );
    let what_to_do = "wait; free room or add a disk if the number does not fall";
    (parts > 0).then_some((found, what_to_do))
}

/// An unreadable part in words.
pub fn unreadable_text(part: &UnreadablePart) -> String {
    let whose = match (&part.bucket, &part.key) {
        (Some(bucket), Some(key)) => format!("{bucket}/{key}"),
        _ => "an object still looked for".to_owned(),
    };
    let (id, since) = (&part.part, &part.since);
    let fragments = match part.fragments {
        1 => "1 fragment".to_owned(),
        count => format!("{count} fragments"),
    };
    format!("{whose}: {fragments} of part {id} cannot be rebuilt, since {since}")
}

fn directory(data: &Path) -> Finding {
    let shown = data.display();
    match disk::outside_mode(data) {
        Err(DiskError::NotFound { .. }) => finding(
            "data directory",
            Verdict::Doubtful,
            format!("{shown} is not there yet"),
            "essaim up makes it; or say where it is with --data DIR",
        ),
        Err(error) => finding("data directory", Verdict::Bad, chain(&error), "name another"),
        Ok((mode, _)) if mode & OTHERS != 0 => finding(
            "data directory",
            Verdict::Bad,
            format!("{shown} can be entered by others (mode {mode:o})"),
            format!("chmod 700 {shown}"),
        ),
        Ok((_, owner)) if owner != rustix::process::geteuid().as_raw() => finding(
            "data directory",
            Verdict::Bad,
            format!("{shown} belongs to another user ({owner})"),
            "run essaim as that user, or chown the directory",
        ),
        Ok(_) => {
            finding("data directory", Verdict::Good, format!("{shown}, for its owner only"), "")
        }
    }
}

fn running(data: &Path) -> Finding {
    match data.join(NODE_FILE).try_exists() {
        Ok(true) => {}
        Ok(false) => {
            return start_checks::remains(data).unwrap_or_else(|| {
                finding("node", Verdict::Good, "none has been made here yet", "")
            });
        }
        Err(error) => {
            let found = format!("it cannot be looked for: {error}");
            return finding("node", Verdict::Bad, found, "use sudo, or run this as its user");
        }
    }
    let answers = std::os::unix::net::UnixStream::connect(data.join(SOCKET_NAME)).is_ok();
    if answers {
        finding("node", Verdict::Good, "it runs", "")
    } else {
        finding("node", Verdict::Doubtful, "it does not run", "start it with: essaim up")
    }
}

fn private_file(data: &Path, name: &'static str) -> Option<Finding> {
    let path = data.join(name);
    let (mode, _) = disk::outside_mode(&path).ok()?;
    if mode & OTHERS == 0 {
        return Some(finding("key file", Verdict::Good, format!("{name}, for its owner only"), ""));
    }
    Some(finding(
        "key file",
        Verdict::Bad,
        format!("{name} can be read by others (mode {mode:o})"),
        format!("chmod 600 {}", path.display()),
    ))
}

/// The nearest directory above that exists.
pub(crate) fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|path| !path.as_os_str().is_empty() && path.exists())
        .unwrap_or(Path::new("."))
}

/// How a file system is asked for its room.
type Ask<'a> = &'a (dyn Fn(&Path) -> Result<Space, DiskError> + Sync);

/// What file systems answer. Each place is asked before anything else is done there, and
/// once only: one that hangs takes its time to be told from one that is slow.
pub(crate) struct Looks<'a> {
    ask: Ask<'a>,
    hanging: RefCell<BTreeMap<PathBuf, bool>>,
}

impl<'a> Looks<'a> {
    pub(crate) fn new(ask: Ask<'a>) -> Self {
        Self { ask, hanging: RefCell::default() }
    }

    /// Asks all these at once: those that hang are waited for together.
    pub(crate) fn ask_all(&self, places: &[PathBuf]) {
        let ask = self.ask;
        for group in places.chunks(PLACES_ASKED_AT_ONCE) {
            std::thread::scope(|scope| {
                let mut asked = Vec::new();
                for place in group {
                    let asks = std::thread::Builder::new();
                    // Without a thread it is asked when it is looked at.
                    if let Ok(asks) = asks.spawn_scoped(scope, move || is_hanging(ask, place)) {
                        asked.push((place, asks));
                    }
                }
                for (place, answer) in asked {
                    // One that could not be asked is asked when it is looked at.
                    if let Ok(is_hanging) = answer.join() {
                        self.hanging.borrow_mut().insert(place.clone(), is_hanging);
                    }
                }
            });
        }
    }

    /// Whether the place does not answer.
    pub(crate) fn is_hanging(&self, place: &Path) -> bool {
        if let Some(known) = self.hanging.borrow().get(place) {
            return *known;
        }
        let is_hanging = is_hanging(self.ask, place);
        self.hanging.borrow_mut().insert(place.to_owned(), is_hanging);
        is_hanging
    }
}

fn is_hanging(ask: Ask<'_>, place: &Path) -> bool {
    matches!(ask(place), Err(DiskError::Hanging { .. }))
}

/// A place that does not answer.
pub(crate) fn hanging(subject: &'static str, place: &Path) -> Finding {
    let found = format!("{} does not answer, and was not looked at further", place.display());
    let what_to_do = "look at its cable, its server and dmesg; do not restart the node before";
    finding(subject, Verdict::Bad, found, what_to_do)
}

fn space(data: &Path, looks: &Looks<'_>) -> Finding {
    let place = existing(data);
    let (free, total) = match (looks.ask)(place) {
        Ok(space) => (space.free.get(), space.total.get()),
        Err(error) => return finding("disk space", Verdict::Bad, chain(&error), ""),
    };
    let amount =
        if free < 10 << 30 { format!("{} MiB", free >> 20) } else { format!("{} GiB", free >> 30) };
    let found = format!("{amount} free at {}", place.display());
    match free {
        0..FREE_BYTES_BAD => finding("disk space", Verdict::Bad, found, "make room, or add a disk"),
        _ if nearly_full(total, free) => {
            let found = format!("{found}: nearly full");
            finding("disk space", Verdict::Doubtful, found, "make room, or add a disk: --disk DIR")
        }
        _ => finding("disk space", Verdict::Good, found, ""),
    }
}

fn sync_speed(data: &Path) -> Finding {
    let place = existing(data);
    let probe = place.join(".essaim-doctor");
    let mut slowest = Duration::ZERO;
    let mut total = Duration::ZERO;
    for _ in 0..SYNCS {
        let since = Instant::now();
        let written = OutsideFile::create(&probe).and_then(|mut file| {
            file.write(&[0; 4096])?;
            file.finish()
        });
        if let Err(error) = written {
            let found = format!("{} cannot be written: {}", place.display(), chain(&error));
            return finding("disk sync", Verdict::Bad, found, "check its permissions and its room");
        }
        slowest = slowest.max(since.elapsed());
        total += since.elapsed();
    }
    if let Err(error) = disk::outside_remove(&probe) {
        return finding("disk sync", Verdict::Doubtful, chain(&error), "remove .essaim-doctor");
    }
    let mean = total / SYNCS;
    let found = format!("{mean:.1?} on average, {slowest:.1?} at most");
    if mean > SYNC_DOUBTFUL {
        let hint = "every write waits for it: an SSD with power-loss protection is much faster";
        return finding("disk sync", Verdict::Doubtful, found, hint);
    }
    finding("disk sync", Verdict::Good, found, "")
}

fn clock() -> Finding {
    let now = units::Clock::now(&host::SystemClock);
    let date = admin::model::date_text(now);
    if u64::try_from(now.seconds()).unwrap_or_default() < CLOCK_MIN_SECONDS {
        let hint = "set it, and keep it set: timedatectl set-ntp true";
        return finding("clock", Verdict::Bad, format!("it says {date}"), hint);
    }
    finding("clock", Verdict::Good, date, "")
}

fn open_files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    match limit.current {
        Some(files) if files < FILES_WANTED => finding(
            "open files",
            Verdict::Doubtful,
            format!("{files} allowed"),
            format!("allow {FILES_WANTED}: ulimit -n {FILES_WANTED}, or LimitNOFILE in the unit"),
        ),
        Some(files) => finding("open files", Verdict::Good, format!("{files} allowed"), ""),
        None => finding("open files", Verdict::Good, "no limit", ""),
    }
}

/// The default ports; others are known only to `up`, which tells by itself.
fn ports() -> Vec<Finding> {
    let mut findings = Vec::new();
    for setting in SETTINGS.iter().filter(|setting| setting.name.ends_with("-listen")) {
        let address = setting.default;
        findings.push(match TcpListener::bind(address) {
            Ok(_) => finding("port", Verdict::Good, format!("{address} is free"), ""),
            Err(error) => finding(
                "port",
                Verdict::Doubtful,
                format!("{address}: {error}"),
                format!("start with another: --{} ADDR", setting.name),
            ),
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use units::ByteCount;

    use super::*;

    /// Looks at a node of two disks, `a` and `b`, where one place does not answer.
    fn found_with(hangs: &str) -> (Vec<String>, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let disk = |number, name: &str| {
            let directory = folder.path().join(name).display().to_string();
            serde_json::json!({ "id": format!("{number:032}"), "directory": directory })
        };
        let id = "0".repeat(32);
        let node = serde_json::json!({
            "format": "essaim-node-1", "node": id, "site": id, "cluster": id, "created": 1,
            "complete": true, "disks": [disk(1, "a"), disk(2, "b")],
        });
        std::fs::write(data.join(NODE_FILE), node.to_string()).unwrap();
        let asked: Mutex<Vec<PathBuf>> = Mutex::default();
        let ask = |place: &Path| {
            asked.lock().push(place.to_owned());
            if place.starts_with(folder.path().join(hangs)) {
                let path = place.display().to_string();
                return Err(DiskError::Hanging { path, seconds: 10 });
            }
            Ok(Space { total: ByteCount::new(1 << 40), free: ByteCount::new(1 << 40) })
        };
        let found = examine_asking(&data, &Looks::new(&ask));
        let shown = |one: Finding| format!("{}: {}", one.subject, one.found);
        let relative = |place: PathBuf| place.strip_prefix(folder.path()).unwrap().to_owned();
        let found = found.into_iter().map(shown).collect();
        (found, asked.into_inner().into_iter().map(relative).collect())
    }

    #[test]
    fn a_disk_that_hangs_is_told_and_looked_at_no_further() {
        let (found, asked) = found_with("b");
        let told = |words: &str| found.iter().filter(|one| one.contains(words)).count();
        assert_eq!((told("/b does not answer"), told("/b is missing")), (1, 0), "{found:?}");
        assert_eq!(told("/a is missing"), 1, "the other is looked at: {found:?}");
        let of_b = asked.iter().filter(|place| place.starts_with("b"));
        assert_eq!(of_b.count(), 1, "it is waited for once: {asked:?}");
    }

    #[test]
    fn disks_that_hang_are_waited_for_together() {
        let places: Vec<PathBuf> = (0..10).map(|n| PathBuf::from(format!("/mnt/{n}"))).collect();
        // Nobody is answered before all have asked.
        let all = std::sync::Barrier::new(places.len());
        let ask = |place: &Path| {
            all.wait();
            let path = place.display().to_string();
            Err(DiskError::Hanging { path, seconds: 10 })
        };
        let looks = Looks::new(&ask);
        looks.ask_all(&places);
        assert!(places.iter().all(|place| looks.is_hanging(place)), "and asked no more");
    }

    #[test]
    fn a_data_directory_that_hangs_is_told_at_once() {
        let (found, asked) = found_with("data");
        assert!(found[0].starts_with("data directory: "), "{found:?}");
        assert!(found[0].contains("does not answer"), "{found:?}");
        assert_eq!(asked, [Path::new("data")]);
    }
}
