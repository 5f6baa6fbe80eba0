//! `essaim disk`.

use admin::model::{Disk, DiskState, List, nearly_full};

use crate::cli::{Connect, DiskVerb};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table, counted};

const DISKS: &str = "/api/v1/disks";

pub(super) async fn run(verb: DiskVerb) -> Result<(), Failure> {
    match verb {
        DiskVerb::List(connect) => list(&connect).await,
        DiskVerb::Forget { id, connect } => forget(&id, &connect).await,
    }
}

/// The state of a disk in words.
pub(super) fn state(state: DiskState, total_bytes: u64, free_bytes: u64) -> &'static str {
    match state {
        DiskState::Healthy if nearly_full(total_bytes, free_bytes) => "nearly full",
        DiskState::Healthy => "healthy",
        DiskState::Full => "FULL",
        DiskState::Poisoned => "POISONED",
        DiskState::Hanging => "DOES NOT ANSWER",
        DiskState::Missing => "MISSING",
    }
}

async fn list(connect: &Connect) -> Result<(), Failure> {
    let disks: List<Disk> = Client::new(connect)?.get_counted(DISKS).await?;
    if connect.json {
        return output::json(&disks.items);
    }
    let mut table =
        Table::new(&["DISK", "STATE", "HOLDS", "BYTES", "FREE", "SIZE", "LAST SEEN", "DIRECTORY"]);
    for disk in disks.items {
        table.row([
            disk.id.clone(),
            state(disk.state, disk.total_bytes, disk.free_bytes).to_owned(),
            holds(&disk),
            output::bytes(disk.bytes),
            output::bytes(disk.free_bytes),
            output::bytes(disk.total_bytes),
            output::or_dash(disk.last_seen.as_deref()),
            output::or_dash(disk.directory.as_deref()),
        ]);
    }
    table.print("no disk");
    Ok(())
}

fn holds(disk: &Disk) -> String {
    let parts = counted(disk.parts, "part", "parts");
    match disk.deleted_parts {
        0 => parts,
        deleted => format!("{parts}, {deleted} deleted"),
    }
}

async fn forget(id: &str, connect: &Connect) -> Result<(), Failure> {
    let path = format!("{DISKS}/{}", segment(id));
    let disk: Disk = Client::new(connect)?.delete_shown(&path).await?;
    if connect.json {
        return output::json(&disk);
    }
    say!("the disk {} is forgotten: nobody waits for it any more", disk.id);
    if let Some(directory) = &disk.directory {
        say!(
            "If a --disk or a settings file names {directory}, take that out: the next start would \
             make a new disk there."
        );
    }
    say!("Should it come back, what is on it is old: it is refused until it has been emptied.");
    Ok(())
}
