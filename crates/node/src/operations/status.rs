//! The status of the node, and the backup of its catalog.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use admin::Fault;
use admin::model::{
    CatalogStatus, EndpointStatus, LoggedError, NotReadyReason, Queues, Status, Totals,
    UnreadablePart, date_text,
};
use axum::body::{Body, Bytes};
use consensus::{ClockOff, Condition, Consensus};
use tokio::sync::mpsc;
use units::Timestamp;

use super::disks::{few_for_writes, spared};
use super::{CATALOG_ROOM, SiteOperations, unread};
use crate::limits::{BACKUP_PIECES_AHEAD, ERRORS_SHOWN_MAX};
use crate::trouble::chain;

/// Rows asked of the catalog at once.
const ROWS: usize = 1_000;

/// Queue entries counted; a longer queue is shown as this long.
const QUEUE_COUNTED_MAX: usize = 10_000;

/// Bytes of a backup that are sent at once.
const PIECE_BYTES: usize = 256 * 1024;

impl SiteOperations {
    /// Duties that have panicked, and why each pauses if it does.
    pub(crate) fn duties_panicked(&self) -> BTreeMap<&'static str, Option<String>> {
        self.scrub.steward().duties_panicked
    }

    /// Looks at everything. Microseconds, and a walk over tenants and buckets.
    pub(crate) fn look(&self) -> Result<Status, Fault> {
        let up = self.clock.elapsed().saturating_sub(self.began);
        let reason = |(component, reason)| NotReadyReason { component, reason };
        let not_ready: Vec<NotReadyReason> = self
            .insight
            .health
            .reasons()
            .into_iter()
            .map(|found| reason((found.component, found.reason)))
            .collect();
        // A catalog that cannot be read is told by the totals.
        let unreadable = self.scrub.hands().unreadable().unwrap_or_default();
        let steward = self.scrub.steward();
        let disks = self.disk_states(steward.losses.as_ref(), unreadable.parts.is_empty());
        let mut degraded = degraded(&steward.duties_panicked);
        let cut_off = self.consensus.cut_off();
        degraded.extend(cut_off.map(|cut_off| cut_off_reason(cut_off.since)));
        degraded.extend(self.consensus.clock_off().map(clock_off_reason));
        degraded.extend(spared(&disks, steward.parts_homeless));
        degraded.extend(few_for_writes(&disks));
        degraded.extend(self.custody_reasons());
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready: not_ready.is_empty(),
            not_ready,
            degraded,
            node_id: self.cluster.node.to_string(),
            site_id: self.cluster.site.to_string(),
            cluster_id: self.cluster.cluster.to_string(),
            cluster: self.cluster_status()?,
            data: self.announcement.data.clone(),
            started: date_text(self.started),
            uptime_seconds: up.as_secs(),
            memory_resident_bytes: resident_bytes(),
            endpoints: EndpointStatus {
                s3_endpoint: self.announcement.s3_endpoint.clone(),
                region: self.region.clone(),
                admin_url: self.announcement.admin_url.clone(),
            },
            disks,
            one_device: self.announcement.one_device.clone(),
            catalog: self.catalog_state(),
            totals: self.totals()?,
            queues: self.queues()?,
            scrub: self.scrub.state(),
            unconfirmed: self.unconfirmed(),
            unreadable: unreadable.parts.iter().map(unreadable_part).collect(),
            unreadable_more: unreadable.more,
            last_errors: self.last_errors(),
        })
    }

    fn catalog_state(&self) -> CatalogStatus {
        let status = self.consensus.status();
        let reason = match status.condition {
            Condition::Serving => None,
            Condition::Full => {
                Some(format!("its disk is full: writes wait, reads go on; {CATALOG_ROOM}"))
            }
            Condition::Failed { reason } => {
                Some(format!("{reason}; reads go on; mend the disk and start again"))
            }
        };
        CatalogStatus {
            available: reason.is_none(),
            reason,
            applied_index: status.applied.get(),
            bytes: status.engine_bytes.plus(status.log_bytes).get(),
        }
    }

    fn totals(&self) -> Result<Totals, Fault> {
        let view = self.view();
        let mut totals = Totals::default();
        for row in self.tenant_rows()? {
            let held = view.tenant_usage(row.id).map_err(|error| unread(&error))?;
            totals.tenants = totals.tenants.saturating_add(1);
            totals.objects = totals.objects.saturating_add(held.objects.get());
            totals.bytes = totals.bytes.saturating_add(held.bytes.get());
        }
        let mut after = None;
        loop {
            let page = view.buckets(after.as_ref(), ROWS).map_err(|error| unread(&error))?;
            totals.buckets = totals.buckets.saturating_add(page.len() as u64);
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.name),
                None => return Ok(totals),
            }
        }
    }

    fn queues(&self) -> Result<Queues, Fault> {
        let waiting = self.view().releases(None, QUEUE_COUNTED_MAX);
        let waiting = waiting.map_err(|error| unread(&error))?;
        let steward = self.scrub.steward();
        Ok(Queues {
            release_parts: waiting.len() as u64,
            repair_fragments: steward.repairs_waiting,
            homeless_parts: steward.parts_homeless,
            single_parts: steward.parts_single,
        })
    }

    fn last_errors(&self) -> Vec<LoggedError> {
        let shown = |error: insight::LastError| LoggedError {
            at: date_text(error.at),
            level: error.level.to_owned(),
            room: error.room,
            message: error.message,
        };
        self.insight.errors.newest(ERRORS_SHOWN_MAX).into_iter().map(shown).collect()
    }
}

/// The duties that pause: they do not do their work, and clients are served all the same.
fn degraded(duties: &BTreeMap<&'static str, Option<String>>) -> Vec<NotReadyReason> {
    let pausing = |(duty, why): (&&'static str, &Option<String>)| {
        Some(NotReadyReason { component: format!("duty {duty}"), reason: why.clone()? })
    };
    duties.iter().filter_map(pausing).collect()
}

/// The component that a node lacks which is cut off.
pub(crate) const CUT_OFF: &str = "the other sites";

/// What is said of a node that is cut off from the other sites.
fn cut_off_reason(since: Timestamp) -> NotReadyReason {
    let since = date_text(since);
    NotReadyReason {
        component: CUT_OFF.to_owned(),
        reason: format!(
            "cut off: reads show what was known at {since}, writes are \
             refused until most of the voting sites can be reached"
        ),
    }
}

/// The component of a node whose clock is off.
pub(crate) const CLOCK: &str = "the clock";

/// What to do about it.
pub(crate) const CLOCK_WHAT_TO_DO: &str =
    "date --utc; chronyc tracking or timedatectl says where this machine has its time from";

/// What is said of a node whose clock differs from those of the other voting sites.
fn clock_off_reason(off: ClockOff) -> NotReadyReason {
    let which = if off.is_ahead() { "ahead of" } else { "behind" };
    NotReadyReason {
        component: CLOCK.to_owned(),
        reason: format!(
            "this machine's says {}, {} {which} those of the other sites ({}): locks and rules \
             are not judged by it as long as most sites' are right; set it right",
            date_text(off.own),
            span_text(off.apart()),
            date_text(off.others),
        ),
    }
}

/// A span in whole minutes, or hours and minutes.
fn span_text(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

fn unreadable_part(part: &steward::UnreadablePart) -> UnreadablePart {
    let (bucket, key) = part.object.clone().unzip();
    UnreadablePart {
        part: part.part.to_string(),
        bucket,
        key,
        fragments: part.fragments,
        since: date_text(part.since),
    }
}

/// Memory of this process that is in RAM, as the kernel counts it (`VmRSS`).
fn resident_bytes() -> u64 {
    let status = disk::outside_read(Path::new("/proc/self/status"), 64 * 1024).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default().saturating_mul(1024)
}

/// The catalog as a stream: a thread writes it, the client's pace bounds it.
pub(super) fn backup(consensus: Consensus) -> Body {
    let (pieces, mut received) = mpsc::channel::<Result<Bytes, io::Error>>(BACKUP_PIECES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut sink = Pieces { pieces, waiting: Vec::new() };
        match consensus.snapshot_write(&mut sink).map_err(|error| chain(&error)) {
            Ok(report) => match sink.flush() {
                Ok(()) => tracing::info!(rows = report.rows, "the catalog was backed up"),
                Err(error) => tracing::warn!(%error, "a backup broke off"),
            },
            Err(reason) => {
                tracing::warn!(reason, "a backup broke off");
                // The client must see a broken stream, not a short file.
                let _ = sink.pieces.blocking_send(Err(io::Error::other(reason)));
            }
        }
    });
    let stream = futures::stream::poll_fn(move |context| received.poll_recv(context));
    Body::from_stream(stream)
}

/// Gathers what is written into pieces for the client.
struct Pieces {
    pieces: mpsc::Sender<Result<Bytes, io::Error>>,
    waiting: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(core::mem::take(&mut self.waiting));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone");
        self.pieces.blocking_send(Ok(piece)).map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_with_both_times() {
        let others = Timestamp::from_seconds(1_800_000_000);
        let own = others.after(Duration::from_secs(30 * 3_600 + 125));
        let told = clock_off_reason(ClockOff { own, others }).reason;
        for part in ["30 h 2 min ahead of", &date_text(own), &date_text(others), "set it right"] {
            assert!(told.contains(part), "{told}");
        }
        let told = clock_off_reason(ClockOff { own: others, others: own }).reason;
        assert!(told.contains("30 h 2 min behind those"), "{told}");
        assert_eq!(span_text(Duration::from_secs(119)), "1 min");
    }

    #[test]
    fn a_duty_is_named_while_it_pauses() {
        let why = Some("it panicked".to_owned());
        let found = degraded(&BTreeMap::from([("repair", why), ("scrub", None)]));
        let found: Vec<_> = found.iter().map(|it| (&*it.component, &*it.reason)).collect();
        assert_eq!(found, [("duty repair", "it panicked")]);
    }
}
