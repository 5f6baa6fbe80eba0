//! `essaim doctor`.

use admin::model::Status;
use node::doctor::{Finding, Verdict};

use crate::cli::Connect;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(connect: &Connect) -> Result<(), Failure> {
    let data = connect.data.clone().unwrap_or_else(node::data_default);
    let mut findings = node::doctor::examine(&data);
    // What only a running node knows; that none runs was found already.
    if let Ok(client) = Client::new(connect)
        && let Ok(status) = client.get::<Status>("/api/v1/status").await
    {
        findings.extend(node::doctor::examine_status(&status));
    }
    if connect.json {
        output::json(&findings)?;
    } else {
        findings.iter().for_each(tell);
    }
    let bad = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count();
    if bad == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!("{bad} things are wrong"), "do what is said above"))
}

fn tell(finding: &Finding) {
    let mark = match finding.verdict {
        Verdict::Good => "ok   ",
        Verdict::Doubtful => "look ",
        Verdict::Bad => "WRONG",
    };
    println!("{mark}  {:<14} {}", finding.subject, finding.found);
    if !finding.what_to_do.is_empty() {
        println!("       {:<14} {}", "", finding.what_to_do);
    }
}
