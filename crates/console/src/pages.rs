//! The pages, ready to be written: what the templates show, already in words.

use admin::model::{DiskState, DiskStatus, ScrubState, Status};
use askama::Template;

use crate::format::{bytes, count, date, duration, percent};
use crate::language::Language;
use crate::words::Words;

/// From this share on, a disk deserves a look.
const FULL_PERCENT: u64 = 85;

/// Lists of names are cut to this many characters on the page.
const ID_SHOWN: usize = 8;

/// The login page.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    pub(crate) tag: &'static str,
    pub(crate) words: &'static Words,
    pub(crate) ready: bool,
    pub(crate) problem: Option<&'static str>,
}

/// A page that says that the status cannot be read.
#[derive(Template)]
#[template(path = "unavailable.html")]
pub(crate) struct UnavailablePage {
    pub(crate) tag: &'static str,
    pub(crate) words: &'static Words,
    pub(crate) message: String,
    pub(crate) what_to_do: String,
}

/// One disk.
pub(crate) struct DiskView {
    path: String,
    state: &'static str,
    class: &'static str,
    used: String,
    free: String,
    total: String,
    share: u64,
    share_text: String,
    own_share: u64,
}

/// One warning or error.
pub(crate) struct ErrorView {
    at: String,
    level: &'static str,
    class: &'static str,
    room: String,
    message: String,
}

/// The status page.
#[derive(Template)]
#[template(path = "status.html")]
pub(crate) struct StatusPage {
    tag: &'static str,
    words: &'static Words,
    user: String,
    well: bool,
    reasons: Vec<(String, String)>,
    version: String,
    uptime: String,
    tenants: String,
    buckets: String,
    objects: String,
    stored: String,
    disks: Vec<DiskView>,
    catalog_well: bool,
    catalog: String,
    commands: String,
    memory: String,
    releases: String,
    scrub: String,
    data: String,
    node: String,
    errors: Vec<ErrorView>,
    endpoint: String,
    region: String,
}

impl StatusPage {
    pub(crate) fn new(status: &Status, user: &str, language: Language) -> Self {
        let words = Words::of(language);
        let disks: Vec<DiskView> =
            status.disks.iter().map(|disk| disk_view(disk, language)).collect();
        let well = status.ready && disks.iter().all(|disk| disk.class == "good");
        let catalog = match &status.catalog.reason {
            Some(reason) => format!("{}\u{202f}: {reason}", words.not_available),
            None => words.available.to_owned(),
        };
        Self {
            tag: language.tag(),
            words,
            user: user.to_owned(),
            well,
            reasons: status
                .not_ready
                .iter()
                .map(|reason| (reason.component.clone(), reason.reason.clone()))
                .collect(),
            version: status.version.clone(),
            uptime: duration(status.uptime_seconds, language),
            tenants: count(status.totals.tenants, language),
            buckets: count(status.totals.buckets, language),
            objects: count(status.totals.objects, language),
            stored: bytes(status.totals.bytes, language),
            disks,
            catalog_well: status.catalog.available,
            catalog,
            commands: count(status.catalog.applied_index, language),
            memory: bytes(status.memory_resident_bytes, language),
            releases: count(status.queues.release_parts, language),
            scrub: scrub(status, language),
            data: status.data.clone(),
            node: status.node_id.chars().take(ID_SHOWN).collect(),
            errors: status.last_errors.iter().map(|error| error_view(error, language)).collect(),
            endpoint: status.endpoints.s3_endpoint.clone(),
            region: status.endpoints.region.clone(),
        }
    }
}

fn disk_view(disk: &DiskStatus, language: Language) -> DiskView {
    let words = Words::of(language);
    let taken = disk.total_bytes.saturating_sub(disk.free_bytes);
    let share = |part: u64| {
        part.saturating_mul(100).checked_div(disk.total_bytes).unwrap_or_default().min(100)
    };
    let (state, class) = match disk.state {
        DiskState::Healthy if share(taken) >= FULL_PERCENT => (words.healthy, "doubt"),
        DiskState::Healthy => (words.healthy, "good"),
        DiskState::Full => (words.disk_full, "bad"),
        DiskState::Poisoned => (words.poisoned, "bad"),
        DiskState::Missing => (words.missing, "bad"),
    };
    DiskView {
        path: disk.path.clone(),
        state,
        class,
        used: bytes(disk.used_bytes, language),
        free: bytes(disk.free_bytes, language),
        total: bytes(disk.total_bytes, language),
        share: share(taken),
        share_text: percent(share(taken), language),
        own_share: share(disk.used_bytes),
    }
}

fn scrub(status: &Status, language: Language) -> String {
    let words = Words::of(language);
    let scrub = &status.scrub;
    let state = match scrub.state {
        ScrubState::Idle => return words.scrub_idle.to_owned(),
        ScrubState::Running => words.scrub_running,
        ScrubState::Done => words.scrub_done,
    };
    let checked = bytes(scrub.bytes_checked, language);
    let bad = count(scrub.fragments_bad, language);
    format!("{state}, {checked}, {bad} {}", words.scrub_bad)
}

fn error_view(error: &admin::model::LoggedError, language: Language) -> ErrorView {
    let words = Words::of(language);
    let (level, class) = match error.level.as_str() {
        "error" => (words.error, "bad"),
        _ => (words.warning, "doubt"),
    };
    ErrorView {
        at: date(&error.at, language),
        level,
        class,
        room: error.room.clone(),
        message: error.message.clone(),
    }
}
