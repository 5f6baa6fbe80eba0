//! Sets the gauges and the health of the parts, every few seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use admin::Fault;
use admin::model::{DiskState, DiskStatus, Matter, Status};
use fragments::Poison;
use insight::{Insight, names};
use metrics::gauge;

use crate::cluster_gauges;
use crate::limits::SAMPLE_EVERY;
use crate::operations::{SiteOperations, component, missing_text, poison_text};
use crate::reminders::Reminders;
use crate::supervision::Tasks;

/// Starts the task that looks.
pub(crate) fn start(tasks: &mut Tasks, operations: Arc<SiteOperations>, insight: Insight) {
    let stop = tasks.stop_token();
    gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    tasks.start("the gauges", async move {
        let mut tick = tokio::time::interval(SAMPLE_EVERY);
        let mut reminders = Reminders::default();
        let mut missing = BTreeSet::new();
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                now = tick.tick() => {
                    if let Some(status) = sample(&operations, &insight).await {
                        reminders.tell(&status.unconfirmed, now);
                        set_missing(&status.disks, &mut missing);
                        operations.book_keep(&[]).await;
                    }
                }
            }
        }
    });
}

async fn sample(operations: &Arc<SiteOperations>, insight: &Insight) -> Option<Status> {
    let looked = Arc::clone(operations);
    let look = move || Ok::<_, Fault>((looked.look()?, looked.cluster_numbers()?));
    let found = tokio::task::spawn_blocking(look).await;
    insight.metrics.upkeep();
    match found {
        Ok(Ok((status, numbers))) => {
            tell(&status, &operations.duties_panicked(), insight);
            cluster_gauges::set(&status.cluster, &numbers);
            return Some(status);
        }
        Ok(Err(fault)) => insight.health.not_ready("catalog", fault.message),
        Err(error) => tracing::error!(%error, "the gauges could not be read"),
    }
    None
}

fn tell(status: &Status, duties: &BTreeMap<&'static str, Option<String>>, insight: &Insight) {
    set_health(status, insight);
    set_duties(duties);
    set_gauges(status, insight.health.is_ready());
}

fn set_health(status: &Status, insight: &Insight) {
    match &status.catalog.reason {
        None => insight.health.ready("catalog"),
        Some(reason) => insight.health.not_ready("catalog", reason.clone()),
    }
    let components: BTreeSet<String> =
        status.disks.iter().map(|disk| component(&disk.path)).collect();
    let is_disk = |known: &str| known.starts_with(&component(""));
    insight.health.retain(|known| !is_disk(known) || components.contains(known));
    for disk in &status.disks {
        let component = component(&disk.path);
        match disk.state {
            DiskState::Healthy => insight.health.ready(&component),
            DiskState::Full => insight.health.not_ready(
                &component,
                "it is full: reads and deletes go on; delete data or add a disk",
            ),
            DiskState::Poisoned => {
                let why = disk.poison.as_deref().unwrap_or(poison_text(Poison::Failed));
                insight.health.not_ready(&component, why);
            }
            DiskState::Hanging => insight
                .health
                .not_ready(&component, "it does not answer: look at its cable, server and dmesg"),
            DiskState::Missing if disk.can_be_spared => insight.health.ready(&component),
            DiskState::Missing => {
                let why = missing_text(disk, status.queues.homeless_parts);
                insight.health.not_ready(&component, why);
            }
        }
    }
}

/// Tells which disks are missing, and once of those that were that they no longer are.
fn set_missing(disks: &[DiskStatus], told: &mut BTreeSet<String>) {
    let is_missing = |disk: &&DiskStatus| disk.state == DiskState::Missing;
    let missing: BTreeSet<String> = disks.iter().filter(is_missing).map(|d| d.id.clone()).collect();
    for id in told.union(&missing) {
        let value = f64::from(u8::from(missing.contains(id)));
        gauge!(names::DISK_MISSING, "disk" => id.clone()).set(value);
    }
    *told = missing;
}

/// A duty that pauses after a panic does not do its work; the node serves all the same,
/// so its readiness is not touched: who balances between nodes would cut it off.
fn set_duties(duties: &BTreeMap<&'static str, Option<String>>) {
    for (duty, why) in duties {
        gauge!(names::DUTY_PAUSED, "duty" => *duty).set(f64::from(u8::from(why.is_some())));
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point by their format")]
fn set_gauges(status: &Status, ready: bool) {
    gauge!(names::READY).set(f64::from(u8::from(ready)));
    gauge!(names::UPTIME_SECONDS).set(status.uptime_seconds as f64);
    gauge!(names::RESIDENT_BYTES).set(status.memory_resident_bytes as f64);
    gauge!(names::CATALOG_APPLIED_INDEX).set(status.catalog.applied_index as f64);
    gauge!(names::CATALOG_BYTES).set(status.catalog.bytes as f64);
    gauge!(names::TENANTS).set(status.totals.tenants as f64);
    gauge!(names::BUCKETS).set(status.totals.buckets as f64);
    gauge!(names::OBJECTS).set(status.totals.objects as f64);
    gauge!(names::STORED_BYTES).set(status.totals.bytes as f64);
    gauge!(names::RELEASE_QUEUE).set(status.queues.release_parts as f64);
    gauge!(names::SCRUB_BYTES).set(status.scrub.bytes_checked as f64);
    gauge!(names::SCRUB_BAD).set(status.scrub.fragments_bad as f64);
    gauge!(names::HOMELESS_PARTS).set(status.queues.homeless_parts as f64);
    // Not counted yet is not zero: who waits for that would take the first disk away.
    gauge!(names::SINGLE_PARTS)
        .set(status.queues.single_parts.map_or(f64::NAN, |parts| parts as f64));
    gauge!(names::UNREADABLE_PARTS).set(status.unreadable.len() as f64);
    for matter in Matter::ALL {
        let waits = status.unconfirmed.iter().any(|waiting| waiting.matter == matter);
        gauge!(names::UNCONFIRMED, "matter" => matter.word()).set(f64::from(u8::from(waits)));
    }
    for disk in status.disks.iter().filter(|disk| disk.state != DiskState::Missing) {
        let label = disk.id.clone();
        gauge!(names::DISK_TOTAL_BYTES, "disk" => label.clone()).set(disk.total_bytes as f64);
        gauge!(names::DISK_FREE_BYTES, "disk" => label.clone()).set(disk.free_bytes as f64);
        gauge!(names::DISK_USED_BYTES, "disk" => label.clone()).set(disk.used_bytes as f64);
        let poisoned = f64::from(u8::from(disk.state == DiskState::Poisoned));
        gauge!(names::DISK_POISONED, "disk" => label.clone()).set(poisoned);
        let hanging = f64::from(u8::from(disk.state == DiskState::Hanging));
        gauge!(names::DISK_HANGING, "disk" => label).set(hanging);
    }
}
