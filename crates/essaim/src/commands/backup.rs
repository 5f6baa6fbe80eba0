//! `essaim backup` and `essaim restore`.

use std::path::Path;

use serde::Serialize;

use crate::cli::{BackupVerb, Connect, RestoreArgs};
use crate::client::Client;
use crate::failure::Failure;
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
            let data = connect.data.clone().unwrap_or_else(node::data_default);
            let bytes = node::root_key_copy(&data, &file)?;
            told(&file, bytes, &connect)?;
            if !connect.json {
                println!("Keep it away from the node: with it and the disks, everything opens.");
            }
            Ok(())
        }
    }
}

async fn catalog(file: &Path, connect: &Connect) -> Result<(), Failure> {
    let client = Client::new(connect)?;
    let mut answer = client.stream("/api/v1/backup/catalog").await?;
    let mut output = node::PrivateFile::create(file)?;
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

fn told(file: &Path, bytes: u64, connect: &Connect) -> Result<(), Failure> {
    let file = file.display().to_string();
    if connect.json {
        return output::json(&Written { file, bytes });
    }
    println!("{file}: {}", output::bytes(bytes));
    Ok(())
}

/// Puts a catalog back, without a running node.
pub(super) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let restored = node::restore(&node::Restore {
        backup: args.file.clone(),
        data: args.data.clone().unwrap_or_else(node::data_default),
        root_key: args.root_key.clone(),
        disks: args.disks.clone(),
    })?;
    if args.json {
        return output::json(&restored);
    }
    println!("{} rows are back, as of {}", restored.rows, restored.taken);
    println!("Start the node: essaim up --data {}", restored.data);
    println!(
        "What was written after the backup stays on the disks, unknown, until you say that it"
    );
    println!("is not wanted any more: essaim confirm restore");
    Ok(())
}
