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
        if let Some(words) = deferred(&scrub) {
            say!();
            say!("{words}");
        }
    }
    if now { judged(&scrub) } else { Ok(()) }
}

/// A failure if something could not be rebuilt; what is deferred is none.
fn judged(scrub: &Scrub) -> Result<(), Failure> {
    if scrub.fragments_lost == 0 {
        return Ok(());
    }
    Err(Failure::failed(
        format!(
            "{} of {} bad fragments could not be rebuilt",
            scrub.fragments_lost, scrub.fragments_bad
        ),
        "too few good ones of their stripes are left, or no disk takes them; the node's log \
         names their parts, essaim status shows the disks",
    ))
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

/// What is said of repairs that were put off: how many bad fragments still wait. It is no
/// failure, since they are tried again without anybody asking.
fn deferred(scrub: &Scrub) -> Option<String> {
    let fragments = match scrub.fragments_deferred {
        0 => return None,
        1 => "1 bad fragment waits".to_owned(),
        many => format!("{many} bad fragments wait"),
    };
    Some(format!(
        "{fragments} to be rebuilt: the catalog took no command (it needs room on its disk, a \
         word about the clock, or a restart), or a repair panicked; essaim status says which. \
         It is tried again by itself as long as the node runs; after a restart, scrub once more."
    ))
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
        ("deferred", scrub.fragments_deferred.to_string()),
        ("not rebuilt", scrub.fragments_lost.to_string()),
        ("last complete", output::or_dash(scrub.last_complete.as_deref())),
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_catalog_is_told_and_is_not_called_lost() {
        let words = |fragments_deferred| {
            let scrub = Scrub { fragments_bad: 3, fragments_deferred, ..Scrub::default() };
            deferred(&scrub).unwrap_or_default()
        };
        assert_eq!(words(0), "");
        assert!(words(1).starts_with("1 bad fragment waits to be rebuilt: the catalog"));
        assert!(words(3).starts_with("3 bad fragments wait"));
        assert!(words(3).contains("essaim status"));
        let ends_well = |fragments_lost| {
            let scrub = Scrub { fragments_deferred: 2, fragments_lost, ..Scrub::default() };
            judged(&scrub).is_ok()
        };
        assert!(ends_well(0) && !ends_well(1));
    }
}
