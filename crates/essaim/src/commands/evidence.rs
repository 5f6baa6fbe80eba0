//! `essaim site evidence`: kept answers, whose signatures are checked here.

use admin::model::{CustodyProof, CustodyVerdict, NodeEvidence, SiteCustody, SiteEvidence};

use super::site::path;
use crate::cli::Named;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, counted};

pub(super) async fn run(named: &Named) -> Result<(), Failure> {
    let kept: SiteEvidence =
        Client::new(&named.connect)?.get(&path(&named.name, "/evidence")).await?;
    if named.connect.json {
        return output::json(&kept);
    }
    let name =
        kept.name.clone().unwrap_or_else(|| format!("{} (not on the map any more)", kept.site));
    say!("site {name}");
    if kept.nodes.is_empty() {
        say!(
            "It was not asked yet: a site is asked once a minute for what it has had for a while."
        );
    }
    for node in &kept.nodes {
        say!();
        show(node);
    }
    Ok(())
}

fn show(node: &NodeEvidence) {
    output::facts(&[
        ("node", node.node.clone()),
        ("counted since", node.since.clone()),
        ("answers that held", node.held.to_string()),
        ("answers that did not", node.failed.to_string()),
        ("left unanswered lately", node.silent.to_string()),
    ]);
    match &node.last {
        None => say!("no answer has held yet"),
        Some(last) => proof("last that held", last),
    }
    for failure in node.failures.iter().rev() {
        proof("FAILED", failure);
    }
}

fn proof(title: &str, told: &CustodyProof) {
    say!();
    say!("{title}: {} at {}", verdict(told.verdict), told.asked);
    say!(
        "  bytes {} to {} of fragment {} of stripe {} of part {} on disk {}",
        told.start,
        told.end,
        told.fragment,
        told.stripe,
        told.part,
        told.disk
    );
    if let Some(hash) = &told.hash {
        say!("  answered  {hash}");
    }
    if let Some(due) = &told.due {
        say!("  due       {due}");
    }
    say!("  asked by node {}, key of the node {}", told.asked_by, told.key);
    say!("  signature {}", signature(told));
}

fn signature(told: &CustodyProof) -> &'static str {
    match node::custody_check(told) {
        Some(true) => "checked here: good",
        Some(false) => "checked here: NOT BY THIS KEY",
        None => "CANNOT BE CHECKED: the answer is garbled",
    }
}

const fn verdict(verdict: CustodyVerdict) -> &'static str {
    match verdict {
        CustodyVerdict::Held => "it is what the other fragments say",
        CustodyVerdict::Missing => "it says that the fragment is not there",
        CustodyVerdict::Damaged => "it says that the fragment is damaged",
        CustodyVerdict::Wrong => "the hash is of OTHER BYTES",
        CustodyVerdict::Forged => "NOT SIGNED by the node",
    }
}

/// What a site has proven, in one line.
pub(super) fn in_words(custody: Option<&SiteCustody>) -> String {
    let Some(custody) = custody else { return "not asked yet".to_owned() };
    let mut told = match &custody.last_held {
        Some(at) => {
            format!("proved last at {at}, {} in all", counted(custody.held, "time", "times"))
        }
        None => "nothing proved yet".to_owned(),
    };
    if custody.failed > 0 {
        let failed = counted(custody.failed, "answer", "answers");
        let wrong = match custody.accused {
            0 => String::new(),
            some => format!(", {some} OF THOSE KEPT WRONG"),
        };
        told = format!("{told}; {failed} failed{wrong}: essaim site evidence");
    }
    told
}
