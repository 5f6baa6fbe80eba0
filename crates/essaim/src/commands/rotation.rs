//! `essaim root-key`, `essaim rotations`, and the rotations of tenants and buckets.

use std::time::Duration;

use admin::model::{List, PassphraseSet, Rotation, RotationKind, RotationNew, RotationState};
use reqwest::Method;

use crate::cli::{Connect, RootKeyVerb, RotateArgs};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Table};
use crate::progress::Progress;

/// How often a rotation is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

const ROTATIONS: &str = "/api/v1/rotations";

pub(super) async fn root_key(verb: RootKeyVerb) -> Result<(), Failure> {
    match verb {
        RootKeyVerb::Rotate(args) => {
            rotate(RotationKind::Root, None, &args).await?;
            if !args.connect.json {
                say!(
                    "\nTake fresh copies now: essaim backup root-key FILE, essaim backup catalog FILE.\n\
                     A backup of the catalog made before opens only with a copy of the root key made before."
                );
            }
            Ok(())
        }
        RootKeyVerb::Passphrase { file, remove: _, connect } => {
            let passphrase = match &file {
                Some(file) => Some(node::passphrase_set_read(file)?.to_string()),
                None => None,
            };
            let set = PassphraseSet { passphrase };
            let client = Client::new(&connect)?;
            client.send_empty(Method::PUT, "/api/v1/root-key/passphrase", &set).await?;
            match file {
                Some(file) => say!(
                    "the root key is under the passphrase; from now on start with --passphrase-file {}",
                    file.display()
                ),
                None => say!(
                    "the root key is under no passphrase any more; start without --passphrase-file"
                ),
            }
            say!("copies of the root key made before open as they did");
            Ok(())
        }
    }
}

/// Begins a rotation and, unless told otherwise, waits for its end.
pub(super) async fn rotate(
    kind: RotationKind,
    name: Option<String>,
    args: &RotateArgs,
) -> Result<(), Failure> {
    let client = Client::new(&args.connect)?;
    let new = RotationNew { kind, name };
    let begun: Rotation = client.send_json(Method::POST, ROTATIONS, &new).await?;
    let rotation = if args.no_wait { begun } else { follow(&client, &begun, args).await? };
    if args.connect.json {
        return output::json(&rotation);
    }
    show(&rotation);
    Ok(())
}

/// Waits for the end.
async fn follow(client: &Client, begun: &Rotation, args: &RotateArgs) -> Result<Rotation, Failure> {
    let mut progress = Progress::new(args.connect.json, "{spinner} {msg} {elapsed}");
    loop {
        let known: List<Rotation> = client.get(ROTATIONS).await?;
        let ours = known.items.into_iter().find(|one| {
            one.kind == begun.kind && one.name == begun.name && one.started == begun.started
        });
        let Some(rotation) = ours else {
            return Err(Failure::failed(
                "the rotation is not known any more",
                "see the node's log",
            ));
        };
        progress.at(rotation.looked_at, rotation.looked_at, || told(&rotation));
        if rotation.state == RotationState::Done {
            progress.end();
            return Ok(rotation);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What it is doing, in words.
fn told(rotation: &Rotation) -> String {
    let waiting = |what: &str| {
        format!(
            "waiting for requests that began before ({} under way) to {what}",
            rotation.requests_under_way
        )
    };
    let doing = match rotation.state {
        RotationState::Begun => waiting("wrap anew"),
        RotationState::Rewrapping => {
            format!("wrapped anew {} of {} looked at", rotation.rewrapped, rotation.looked_at)
        }
        RotationState::Retiring => waiting("forget the old key"),
        RotationState::Done => format!("done: wrapped anew {}", rotation.rewrapped),
    };
    match &rotation.trouble {
        Some(trouble) => format!("{doing}; tried again after: {trouble}"),
        None => doing,
    }
}

fn show(rotation: &Rotation) {
    output::facts(&[
        ("key of", whose(rotation)),
        ("state", told(rotation)),
        ("started", rotation.started.clone()),
        ("ended", output::or_dash(rotation.ended.as_deref())),
    ]);
}

fn whose(rotation: &Rotation) -> String {
    match (rotation.kind, &rotation.name) {
        (RotationKind::Root, _) | (_, None) => "the node (root key)".to_owned(),
        (RotationKind::Tenant, Some(name)) => format!("tenant {name}"),
        (RotationKind::Bucket, Some(name)) => format!("bucket {name}"),
    }
}

/// Lists the rotations under way and the last ones.
pub(super) async fn list(connect: &Connect) -> Result<(), Failure> {
    let known: List<Rotation> = Client::new(connect)?.get(ROTATIONS).await?;
    if connect.json {
        return output::json(&known.items);
    }
    let mut table = Table::new(&["KEY OF", "STATE", "STARTED", "ENDED"]);
    for rotation in &known.items {
        table.row([
            whose(rotation),
            told(rotation),
            rotation.started.clone(),
            output::or_dash(rotation.ended.as_deref()),
        ]);
    }
    table.print("no key was rotated yet");
    Ok(())
}
