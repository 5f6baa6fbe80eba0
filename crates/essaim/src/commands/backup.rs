//! `essaim backup` and `essaim restore`.

use std::path::Path;

use serde::Serialize;

use node::shell;

use crate::cli::{BackupVerb, Connect, RestoreArgs};
use crate::client::Client;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::progress::Progress;

#[derive(Serialize)]
struct Written {
    file: String,
    bytes: u64,
}

pub(super) async fn run(verb: BackupVerb) -> Result<(), Failure> {
    match verb {
        BackupVerb::Catalog { file, connect } => catalog(&file, &connect).await,
        BackupVerb::RootKey { file, connect } => {
            if connect.admin_url.is_some() {
                return Err(Failure::new(
                    Kind::Usage,
                    "the root key is copied on its own machine, never over the network",
                    "leave --admin-url (or ESSAIM_ADMIN_URL) out; name the node with --data DIR",
                ));
            }
            let data = connect.data.clone().unwrap_or_else(node::data_default);
            let bytes = node::root_key_copy(&data, &file)?;
            told(&file, bytes, &connect)?;
            if !connect.json {
                say!("Keep it away from the node: with it and the disks, everything opens.");
            }
            Ok(())
        }
    }
}

async fn catalog(file: &Path, connect: &Connect) -> Result<(), Failure> {
    let client = Client::new(connect)?;
    // First of all: what has nowhere to go is not asked for, and not audited as taken.
    let mut output = node::PrivateFile::create(file)?;
    let mut answer = client.stream("/api/v1/backup/catalog").await?;
    let mut progress = Progress::new(connect.json, "{spinner} {msg} {bytes_per_sec} {elapsed}");
    let mut taken = 0;
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => {
                output.write(&chunk)?;
                taken += chunk.len() as u64;
                progress.at(taken, taken, || format!("{} written", output::bytes(taken)));
            }
            Ok(None) => break,
            // The unfinished file vanishes with `output`.
            Err(error) => {
                return Err(Failure::failed(
                    format!("the backup broke off: {error}"),
                    "nothing was written; see the node's log and try again",
                ));
            }
        }
    }
    progress.end();
    let bytes = output.finish()?;
    told(file, bytes, connect)
}

/// A disk, and where it was.
fn missing(disk: &node::MissingDisk) -> String {
    let id = &disk.id;
    match (&disk.directory, &disk.last_seen) {
        (Some(directory), Some(seen)) => format!("disk {id}, last seen in {directory} on {seen}"),
        (Some(directory), None) => format!("disk {id}, last in {directory}"),
        (None, _) => format!("disk {id}"),
    }
}

fn told(file: &Path, bytes: u64, connect: &Connect) -> Result<(), Failure> {
    let file = file.display().to_string();
    if connect.json {
        return output::json(&Written { file, bytes });
    }
    say!("{file}: {}", output::bytes(bytes));
    Ok(())
}

/// Puts a catalog back, without a running node.
pub(super) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let restored = node::restore(&node::Restore {
        backup: args.file.clone(),
        data: args.data.clone().unwrap_or_else(node::data_default),
        root_key: args.root_key.clone(),
        passphrase_file: args.passphrase_file.clone(),
        disks: args.disks.clone(),
    })?;
    if args.json {
        return output::json(&restored);
    }
    say!("{} are back, as of {}", output::counted(restored.rows, "row", "rows"), restored.taken);
    let passphrase = if restored.passphrase_needed { " --passphrase-file FILE" } else { "" };
    let start = format!("essaim up --data {}{passphrase}", shell::quoted(&restored.data));
    if restored.missing_disks.is_empty() {
        say!("Start the node: {start}");
    } else {
        let disks = restored.missing_disks.len() as u64;
        let are = if disks == 1 { "is" } else { "are" };
        let disks = output::counted(disks, "disk", "disks");
        say!(
            "{disks} that the catalog names {are} not here, and what lies there cannot be read yet:"
        );
        restored.missing.iter().for_each(|disk| say!("  {}", missing(disk)));
        if restored.missing.iter().any(|disk| disk.directory.is_none()) {
            say!(
                "Where a disk was is not in the backup: look for the file disk.id in the directories"
            );
            say!("that were given to --disk.");
        }
        say!("Start the node and say where each one is: {start} --disk DIR");
        say!(
            "If they are lost, start it on a new directory: {start} --allow-missing-disks --disk NEW"
        );
    }
    say!("What was written after the backup stays on the disks, unknown, until you say that it");
    say!("is not wanted any more: essaim confirm restore");
    Ok(())
}
