//! `essaim status`.

use admin::model::{DiskState, Status};

use crate::cli::Connect;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) async fn run(connect: &Connect) -> Result<(), Failure> {
    let status: Status = Client::new(connect)?.get("/api/v1/status").await?;
    if connect.json {
        return output::json(&status);
    }
    let health = if status.ready { "ready" } else { "NOT READY" };
    output::facts(&[
        ("essaim", format!("{} · {health}", status.version)),
        ("running since", running(&status)),
        ("memory", output::bytes(status.memory_resident_bytes)),
        ("data", status.data.clone()),
        ("S3", format!("{}  (region {})", status.endpoints.s3_endpoint, status.endpoints.region)),
        ("administration", status.endpoints.admin_url.clone()),
        ("catalog", catalog(&status)),
        ("holds", holds(&status)),
        ("waiting", format!("{} parts to release", status.queues.release_parts)),
    ]);
    println!();
    let mut disks = Table::new(&["DISK", "STATE", "USED", "FREE", "SIZE", "DIRECTORY"]);
    for disk in &status.disks {
        disks.row([
            disk.id.chars().take(8).collect(),
            disk_state(disk.state).to_owned(),
            output::bytes(disk.used_bytes),
            output::bytes(disk.free_bytes),
            output::bytes(disk.total_bytes),
            disk.path.clone(),
        ]);
    }
    disks.print("no disk");
    for reason in &status.not_ready {
        println!("\nnot ready: {}: {}", reason.component, reason.reason);
    }
    for waiting in &status.unconfirmed {
        println!("\nto confirm: {}: {}", waiting.reason, waiting.command);
    }
    if let Some((found, what_to_do)) = node::doctor::homeless_text(&status) {
        println!("\nREDUNDANCY: {found}: {what_to_do}");
    }
    if !status.unreadable.is_empty() {
        let more = if status.unreadable_more { " at least" } else { "" };
        println!("\nLOST DATA: {}{more} parts cannot be read:", status.unreadable.len());
        for part in status.unreadable.iter().take(node::limits::UNREADABLE_SHOWN_MAX) {
            println!("  {}", node::doctor::unreadable_text(part));
        }
    }
    if !status.last_errors.is_empty() {
        println!("\nlast warnings and errors:");
        for error in status.last_errors.iter().take(5) {
            println!("  {} {:<5} {}: {}", error.at, error.level, error.room, error.message);
        }
    }
    Ok(())
}

fn running(status: &Status) -> String {
    format!("{} ({})", status.started, output::duration(status.uptime_seconds))
}

fn catalog(status: &Status) -> String {
    let state = match &status.catalog.reason {
        Some(reason) => format!("NOT AVAILABLE: {reason}"),
        None => "available".to_owned(),
    };
    let bytes = output::bytes(status.catalog.bytes);
    format!("{state}, {} commands applied, {bytes}", status.catalog.applied_index)
}

fn holds(status: &Status) -> String {
    let totals = &status.totals;
    format!(
        "{} in {} objects, {} buckets, {} tenants",
        output::bytes(totals.bytes),
        totals.objects,
        totals.buckets,
        totals.tenants
    )
}

const fn disk_state(state: DiskState) -> &'static str {
    match state {
        DiskState::Healthy => "healthy",
        DiskState::Full => "FULL",
        DiskState::Poisoned => "POISONED",
        DiskState::Missing => "MISSING",
    }
}
