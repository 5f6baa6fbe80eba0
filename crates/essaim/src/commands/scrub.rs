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
        for words in [homeless(&scrub), deferred(&scrub)].into_iter().flatten() {
            say!();
            say!("{words}");
        }
    }
    if now { judged(&scrub) } else { Ok(()) }
}

/// A failure if something could not be rebuilt from what is left; what waits for a disk,
/// or is deferred, is none.
fn judged(scrub: &Scrub) -> Result<(), Failure> {
    if scrub.fragments_lost == 0 {
        return Ok(());
    }
    Err(Failure::failed(
        format!(
            "{} of {} bad fragments could not be rebuilt",
            scrub.fragments_lost, scrub.fragments_bad
        ),
        "too few good ones of their stripes are left: bring back the disk that is missing, or put \
         the objects once more that essaim status names",
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

/// What is said of fragments that no disk takes. It is no failure: what they belong to can
/// be read, and they are rebuilt by themselves once there is a disk for them.
fn homeless(scrub: &Scrub) -> Option<String> {
    let fragments = match scrub.fragments_homeless {
        0 => return None,
        1 => "1 bad fragment has".to_owned(),
        many => format!("{many} bad fragments have"),
    };
    let what_to_do = node::doctor::HOMELESS_WHAT_TO_DO;
    Some(format!(
        "REDUNDANCY: {fragments} no disk to be rebuilt on: nothing is lost by that, what is left \
         can be read and survives one loss less: {what_to_do}"
    ))
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
    let (bad, repaired) = (scrub.fragments_bad, scrub.fragments_repaired);
    if bad == 0 {
        return checked;
    }
    let mut words = format!("{checked}, {bad} bad, {repaired} repaired");
    for (count, what) in
        [(scrub.fragments_lost, "not rebuilt"), (scrub.fragments_homeless, "without a disk")]
    {
        if count > 0 {
            words = format!("{words}, {count} {what}");
        }
    }
    words
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
        ("without a disk", scrub.fragments_homeless.to_string()),
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

    #[test]
    fn what_waits_for_a_disk_is_told_and_is_not_called_lost() {
        let waits = |fragments_homeless| Scrub {
            fragments_bad: 13,
            fragments_homeless,
            ..Scrub::default()
        };
        assert_eq!(homeless(&waits(0)), None);
        let words = homeless(&waits(13)).unwrap_or_default();
        assert!(words.contains("13 bad fragments have no disk") && words.contains("--disk DIR"));
        assert!(judged(&waits(13)).is_ok());
        assert!(told(&waits(13)).ends_with("13 bad, 0 repaired, 13 without a disk"));
        let both = Scrub { fragments_lost: 2, ..waits(11) };
        assert!(judged(&both).is_err());
        assert!(told(&both).ends_with("2 not rebuilt, 11 without a disk"), "{}", told(&both));
    }
}
