//! `essaim doctor`.

use admin::model::Status;
use node::doctor::{Finding, Verdict};

use crate::cli::Connect;
use crate::client::Client;
use crate::failure::{Failure, Kind};
use crate::output;

pub(super) async fn run(connect: &Connect) -> Result<(), Failure> {
    if connect.admin_url.is_some() {
        return Err(Failure::new(
            Kind::Usage,
            "the doctor looks at this machine and its data directory, not at a URL",
            "leave --admin-url (or ESSAIM_ADMIN_URL) out; essaim status asks a node elsewhere",
        ));
    }
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
    let are =
        if bad == 1 { "1 thing is wrong".to_owned() } else { format!("{bad} things are wrong") };
    Err(Failure::failed(are, "do what is said above"))
}

fn tell(finding: &Finding) {
    let mark = match finding.verdict {
        Verdict::Good => "ok   ",
        Verdict::Doubtful => "look ",
        Verdict::Hint => "hint ",
        Verdict::Bad => "WRONG",
    };
    say!("{mark}  {:<14} {}", finding.subject, finding.found);
    if !finding.what_to_do.is_empty() {
        say!("       {:<14} {}", "", finding.what_to_do);
    }
}
