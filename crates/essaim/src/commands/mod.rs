//! What each command does.

mod backup;
mod bucket;
mod confirm;
mod disk;
mod doctor;
mod evidence;
mod invite;
mod key;
mod kms_key;
mod papers;
mod password;
mod place;
mod policy;
mod rotation;
mod scrub;
mod site;
mod status;
mod tenant;
mod token;
mod up;
mod usage;
mod user;

use crate::cli::{Cli, Verb};
use crate::failure::Failure;
use crate::output;

/// Carries out the command line.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.verb {
        Verb::Up(args) => up::run(args),
        Verb::Restore(args) => backup::restore(&args),
        Verb::Demo(args) => crate::demo::run(&args),
        Verb::Doctor(connect) => asking()?.block_on(doctor::run(&connect)),
        Verb::Completions { shell } => papers::completions(shell),
        Verb::Man { directory } => papers::manual(&directory),
        Verb::Version { json } => version(json),
        other => asking()?.block_on(ask(other)),
    }
}

/// A small runtime: asking a node needs no thread of its own.
fn asking() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("this machine gives no runtime: {error}"), ""))
}

async fn ask(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Status(connect) => status::run(&connect).await,
        Verb::Tenant(verb) => tenant::run(verb).await,
        Verb::User(verb) => user::run(verb).await,
        Verb::Key(verb) => key::run(verb).await,
        Verb::KmsKey(verb) => kms_key::run(verb).await,
        Verb::Bucket(verb) => bucket::run(verb).await,
        Verb::Usage { tenant, connect } => usage::run(tenant.as_deref(), &connect).await,
        Verb::Scrub { now, connect } => scrub::run(now, &connect).await,
        Verb::Backup(verb) => backup::run(verb).await,
        Verb::Confirm(verb) => confirm::run(verb).await,
        Verb::Disk(verb) => disk::run(verb).await,
        Verb::Invite(args) => invite::run(args).await,
        Verb::Site(verb) => site::run(verb).await,
        Verb::Where { object, version_id, connect } => {
            place::run(&object, version_id.as_deref(), &connect).await
        }
        Verb::Policy(verb) => policy::run(verb).await,
        Verb::Token(verb) => token::run(verb).await,
        Verb::RootKey(verb) => rotation::root_key(verb).await,
        Verb::Rotations(connect) => rotation::list(&connect).await,
        Verb::Password(named) => password::run(&named).await,
        Verb::Up(_)
        | Verb::Demo(_)
        | Verb::Restore(_)
        | Verb::Doctor(_)
        | Verb::Completions { .. }
        | Verb::Man { .. }
        | Verb::Version { .. } => Ok(()),
    }
}

#[derive(serde::Serialize)]
struct Version {
    version: &'static str,
}

fn version(json: bool) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if json {
        return output::json(&Version { version });
    }
    say!("essaim {version}");
    Ok(())
}

/// Asks for every page of a list.
async fn all<T: serde::de::DeserializeOwned>(
    client: &crate::client::Client,
    path: &str,
) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut page = format!("{path}{joint}limit={}", admin::limits::PAGE_ENTRIES_MAX);
        if let Some(after) = &after {
            page = format!("{page}&after={}", crate::client::segment(after));
        }
        let list: admin::model::List<T> = client.get(&page).await?;
        items.extend(list.items);
        match list.next {
            Some(next) => after = Some(next),
            None => return Ok(items),
        }
    }
}

#[derive(serde::Serialize)]
struct Deleted<'a> {
    deleted: &'a str,
}

/// Says that something is gone.
fn deleted(noun: &str, name: &str, connect: &crate::cli::Connect) -> Result<(), Failure> {
    if connect.json {
        return output::json(&Deleted { deleted: name });
    }
    say!("{noun} {name} is gone");
    Ok(())
}
