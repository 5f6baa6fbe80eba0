//! `essaim scrub`.

use std::io::IsTerminal as _;
use std::time::Duration;

use admin::model::{Scrub, ScrubState};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Connect;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;

/// How often a running scrub is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

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
    if now && scrub.fragments_bad > scrub.fragments_repaired {
        return Err(Failure::failed(
            format!(
                "{} bad fragments could not be rebuilt",
                scrub.fragments_bad - scrub.fragments_repaired
            ),
            "see essaim status and the log for the disks they are on",
        ));
    }
    Ok(())
}

/// Waits for the end, with a bar if somebody is looking.
async fn follow(client: &Client, connect: &Connect) -> Result<Scrub, Failure> {
    let seen = !connect.json && std::io::stderr().is_terminal();
    let bar = if seen { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    loop {
        let scrub: Scrub = client.get("/api/v1/scrub").await?;
        bar.set_length(scrub.bytes_total);
        bar.set_position(scrub.bytes_checked);
        if scrub.state != ScrubState::Running {
            bar.finish_and_clear();
            return Ok(scrub);
        }
        tokio::time::sleep(POLL).await;
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
        ("last complete", output::or_dash(scrub.last_complete.as_deref())),
    ]);
}
