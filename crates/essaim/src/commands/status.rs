//! `essaim status`.

use admin::model::{DiskStatus, Status};

use crate::cli::Connect;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Table, counted};

pub(super) async fn run(connect: &Connect) -> Result<(), Failure> {
    let status: Status = Client::new(connect)?.get("/api/v1/status").await?;
    if connect.json {
        return output::json(&status);
    }
    let health = match (status.ready, status.degraded.is_empty()) {
        (false, _) => "NOT READY",
        (true, false) => "ready, DEGRADED",
        (true, true) => "ready",
    };
    let mut facts = vec![
        ("essaim", format!("{} · {health}", status.version)),
        ("running since", running(&status)),
        ("memory", output::bytes(status.memory_resident_bytes)),
        ("data", status.data.clone()),
        ("S3", format!("{}  (region {})", status.endpoints.s3_endpoint, status.endpoints.region)),
        ("administration", status.endpoints.admin_url.clone()),
        ("catalog", catalog(&status)),
        ("holds", holds(&status)),
        (
            "waiting",
            format!("{} to release", counted(status.queues.release_parts, "part", "parts")),
        ),
    ];
    if status.cluster.sites > 1 {
        facts.push(("cluster", cluster(&status)));
    }
    output::facts(&facts);
    say!();
    let mut disks = Table::new(&["DISK", "STATE", "USED", "FREE", "SIZE", "DIRECTORY"]);
    for disk in &status.disks {
        disks.row([
            disk.id.chars().take(8).collect(),
            super::disk::state(disk.state, disk.total_bytes, disk.free_bytes).to_owned(),
            output::bytes(disk.used_bytes),
            output::bytes(disk.free_bytes),
            output::bytes(disk.total_bytes),
            disk.path.clone(),
        ]);
    }
    let none = "no disk: this node is a witness, it votes and keeps no data";
    disks.print(if status.cluster.is_witness { none } else { "no disk" });
    if status.disks.iter().any(DiskStatus::is_nearly_full) {
        say!("\nnearly full: make room, or add a disk with --disk DIR");
    }
    // Elsewhere what it holds lies at other sites as well.
    if let [_] = status.disks[..]
        && status.cluster.sites < 2
    {
        say!(
            "\none disk: no redundancy: if it dies, what it holds is lost (add disks with --disk DIR)"
        );
    }
    for group in &status.one_device {
        say!("\n{}", node::one_device_text(group));
    }
    for reason in &status.not_ready {
        say!("\nnot ready: {}: {}", reason.component, reason.reason);
    }
    for reason in &status.degraded {
        say!("\ndegraded: {}: {}", reason.component, reason.reason);
    }
    for waiting in &status.unconfirmed {
        say!("\nto confirm: {}: {}", waiting.reason, waiting.command);
    }
    if let Some((found, what_to_do)) = node::doctor::homeless_text(&status) {
        say!("\nREDUNDANCY: {found}: {what_to_do}");
    }
    if let Some((found, what_to_do)) = node::doctor::single_text(&status) {
        say!("\nredundancy: {found}: {what_to_do}");
    }
    if !status.unreadable.is_empty() {
        let more = if status.unreadable_more { " at least" } else { "" };
        let parts = counted(status.unreadable.len() as u64, "part", "parts");
        say!("\nLOST DATA:{more} {parts} cannot be read:");
        for part in status.unreadable.iter().take(node::limits::UNREADABLE_SHOWN_MAX) {
            say!("  {}", node::doctor::unreadable_text(part));
        }
    }
    if !status.last_errors.is_empty() {
        say!("\nlast warnings and errors:");
        for error in status.last_errors.iter().take(5) {
            say!("  {} {:<5} {}: {}", error.at, error.level, error.room, error.message);
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

fn cluster(status: &Status) -> String {
    let known = &status.cluster;
    let leader = match &known.leader {
        Some(site) => format!("{site} leads"),
        None => "WHO LEADS IS NOT KNOWN".to_owned(),
    };
    let away = if known.unreachable.is_empty() {
        String::new()
    } else {
        format!(", NOT REACHABLE: {}", known.unreachable.join(", "))
    };
    let witness = match &known.witnesses[..] {
        [] => String::new(),
        names => format!(", witness: {}", names.join(", ")),
    };
    format!(
        "{}, of which {} vote and {} may be away; {leader}{away}{witness}",
        counted(known.sites, "site", "sites"),
        known.voting,
        known.may_be_away
    )
}

fn holds(status: &Status) -> String {
    let totals = &status.totals;
    format!(
        "{} in {}, {}, {}",
        output::bytes(totals.bytes),
        counted(totals.objects, "object", "objects"),
        counted(totals.buckets, "bucket", "buckets"),
        counted(totals.tenants, "tenant", "tenants")
    )
}
