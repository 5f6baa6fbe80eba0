//! The pages, ready to be written: what the templates show, already in words.

use admin::model::{DiskState, DiskStatus, ScrubState, Status};
use askama::Template;

use crate::format::{bytes, count, date, duration, noun, percent};
use crate::language::Language;
use crate::words::Words;

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
    mood: &'static str,
    reasons: Vec<(String, String)>,
    waiting: Vec<(String, String)>,
    version: String,
    uptime: String,
    witness: bool,
    tenants: (String, &'static str),
    buckets: (String, &'static str),
    objects: (String, &'static str),
    stored: String,
    disks: Vec<DiskView>,
    catalog_well: bool,
    catalog: String,
    commands: String,
    memory: String,
    releases: (String, &'static str),
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
        let mood = match () {
            () if !status.ready => "bad",
            () if !status.unconfirmed.is_empty() || !status.degraded.is_empty() => "doubt",
            () if disks.iter().all(|disk| disk.class == "good") => "good",
            () => "doubt",
        };
        let counted =
            |number: u64, one, many| (count(number, language), noun(number, one, many, language));
        let catalog = match &status.catalog.reason {
            Some(reason) => format!("{}\u{202f}: {reason}", words.not_available),
            None => words.available.to_owned(),
        };
        Self {
            tag: language.tag(),
            words,
            user: user.to_owned(),
            mood,
            reasons: status
                .not_ready
                .iter()
                .chain(&status.degraded)
                .map(|reason| (reason.component.clone(), reason.reason.clone()))
                .collect(),
            waiting: status
                .unconfirmed
                .iter()
                .map(|waiting| (waiting.reason.clone(), waiting.command.clone()))
                .collect(),
            version: status.version.clone(),
            uptime: duration(status.uptime_seconds, language),
            witness: status.cluster.is_witness,
            tenants: counted(status.totals.tenants, words.tenant, words.tenants),
            buckets: counted(status.totals.buckets, words.bucket, words.buckets),
            objects: counted(status.totals.objects, words.object, words.objects),
            stored: bytes(status.totals.bytes, language),
            disks,
            catalog_well: status.catalog.available,
            catalog,
            commands: count(status.catalog.applied_index, language),
            memory: bytes(status.memory_resident_bytes, language),
            releases: counted(status.queues.release_parts, words.part, words.parts),
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
        DiskState::Healthy if disk.is_nearly_full() => (words.nearly_full, "doubt"),
        DiskState::Healthy => (words.healthy, "good"),
        DiskState::Full => (words.disk_full, "bad"),
        DiskState::Poisoned => (words.poisoned, "bad"),
        DiskState::Hanging => (words.hanging, "bad"),
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
    let fragments = noun(scrub.fragments_bad, words.scrub_bad_one, words.scrub_bad, language);
    format!("{state}, {checked}, {bad} {fragments}")
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
