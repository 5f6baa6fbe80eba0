//! `essaim scrub`.

use std::time::Duration;

use admin::model::{Scrub, ScrubState};

use crate::cli::Connect;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

/// How often a running scrub is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

const LINE: &str = "{bar:32} {percent}% {msg} {elapsed}";

pub(super) async fn run(now: bool, connect: &Connect) -> Result<(), Failure> {
    let client = Client::new(connect)?;
    let scrub = if now {
        client.post::<Scrub>("/api/v1/scrub").await?;
        follow(&client, connect).await?
    } else {
        client.get("/api/v1/scrub").await?
    };
    if connect.json {
        output::json(&scrub)?;
    } else {
        show(&scrub);
    }
    if now && scrub.fragments_lost > 0 {
        return Err(Failure::failed(
            format!(
                "{} of {} bad fragments could not be rebuilt",
                scrub.fragments_lost, scrub.fragments_bad
            ),
            "too few good ones of their stripes are left, or no disk takes them; the node's \
             log names their parts, essaim status shows the disks",
        ));
    }
    Ok(())
}

/// Waits until everything was read and what was found is repaired or given up.
async fn follow(client: &Client, connect: &Connect) -> Result<Scrub, Failure> {
    let mut progress = Progress::new(connect.json, LINE);
    loop {
        let scrub: Scrub = client.get("/api/v1/scrub").await?;
        progress.at(scrub.bytes_checked, scrub.bytes_total, || told(&scrub));
        if scrub.state != ScrubState::Running {
            progress.end();
            return Ok(scrub);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What it is doing, in words.
fn told(scrub: &Scrub) -> String {
    let (checked, total) = (output::bytes(scrub.bytes_checked), output::bytes(scrub.bytes_total));
    let checked = format!("checked {checked} of {total}");
    match (scrub.fragments_bad, scrub.fragments_repaired, scrub.fragments_lost) {
        (0, _, _) => checked,
        (bad, repaired, 0) => format!("{checked}, {bad} bad, {repaired} repaired"),
        (bad, repaired, lost) => {
            format!("{checked}, {bad} bad, {repaired} repaired, {lost} not rebuilt")
        }
    }
}

fn show(scrub: &Scrub) {
    let state = match scrub.state {
        ScrubState::Idle => "none since the node started",
        ScrubState::Running => "running",
        ScrubState::Done => "done",
    };
    output::facts(&[
        ("scrub", state.to_owned()),
        ("started", output::or_dash(scrub.started.as_deref())),
        ("ended", output::or_dash(scrub.ended.as_deref())),
        (
            "checked",
            format!(
                "{} of {} in {} fragments",
                output::bytes(scrub.bytes_checked),
                output::bytes(scrub.bytes_total),
                scrub.fragments_checked
            ),
        ),
        ("bad", scrub.fragments_bad.to_string()),
        ("repaired", scrub.fragments_repaired.to_string()),
        ("to be repaired", scrub.fragments_waiting.to_string()),
        ("not rebuilt", scrub.fragments_lost.to_string()),
        ("last complete", output::or_dash(scrub.last_complete.as_deref())),
    ]);
}
