//! `essaim confirm`.

use std::io::IsTerminal as _;

use admin::model::{Confirmation, Matter, Status, Unconfirmed};
use reqwest::Method;

use crate::cli::{ConfirmVerb, Connect};
use crate::client::Client;
use crate::failure::{Failure, Kind};
use crate::output;

pub(super) async fn run(verb: ConfirmVerb) -> Result<(), Failure> {
    match verb {
        ConfirmVerb::Clock { time, connect } => {
            let time = match time {
                Some(time) => time,
                None => clock_seen(&connect).await?,
            };
            let word = Confirmation { matter: Matter::Clock, time: Some(time) };
            say(&connect, &word, "writes are taken again").await
        }
        ConfirmVerb::Restore { yes, connect } => {
            if !yes {
                restore_asked(&connect).await?;
            }
            let word = Confirmation { matter: Matter::Restore, time: None };
            say(&connect, &word, "what the catalog does not know will be removed").await
        }
    }
}

/// Shows what the node's clock says, and asks whether that is right.
async fn clock_seen(connect: &Connect) -> Result<String, Failure> {
    let waits = waiting(connect, Matter::Clock).await?;
    let Some(Unconfirmed { reason, time: Some(time), .. }) = waits else {
        let message = "nothing waits: the clock is believed as it is";
        return Err(Failure::failed(message, "essaim status shows what waits"));
    };
    if !std::io::stdin().is_terminal() {
        let hint = "nobody can be asked here: say what time it is with --time TIME";
        return Err(Failure::new(Kind::Usage, reason, hint));
    }
    eprintln!("{reason}.");
    eprint!("Is it {time} now, by another clock? Type yes within a minute: ");
    typed("yes")?;
    Ok(time)
}

/// Shows what is held since the restore, and asks whether it may go.
async fn restore_asked(connect: &Connect) -> Result<(), Failure> {
    let Some(Unconfirmed { reason, .. }) = waiting(connect, Matter::Restore).await? else {
        let message = "nothing waits: no restored catalog is held";
        return Err(Failure::failed(message, "essaim status shows what waits"));
    };
    if !std::io::stdin().is_terminal() {
        let hint = "nobody can be asked here: if it is to be removed, say so with --yes";
        return Err(Failure::new(Kind::Usage, reason, hint));
    }
    eprintln!("{reason}.");
    eprint!("What was written after the backup is then removed, for good. Type remove: ");
    typed("remove")
}

/// What waits for a word about this, if anything does.
async fn waiting(connect: &Connect, matter: Matter) -> Result<Option<Unconfirmed>, Failure> {
    let status: Status = Client::new(connect)?.get("/api/v1/status").await?;
    Ok(status.unconfirmed.into_iter().find(|one| one.matter == matter))
}

/// Reads a line, which must be this word.
pub(super) fn typed(wanted: &str) -> Result<(), Failure> {
    let mut word = String::new();
    let read = std::io::stdin().read_line(&mut word);
    if read.is_err() || word.trim() != wanted {
        return Err(Failure::failed("nothing was confirmed", ""));
    }
    Ok(())
}

async fn say(connect: &Connect, word: &Confirmation, said: &str) -> Result<(), Failure> {
    Client::new(connect)?.send_empty(Method::POST, "/api/v1/confirmations", word).await?;
    if connect.json {
        return output::json(word);
    }
    say!("confirmed: {said}");
    Ok(())
}
