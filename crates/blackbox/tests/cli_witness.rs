//! Two sites that keep data and a witness: either of the two may vanish, and the other goes
//! on without a person.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::sites::{Site, join, sites_with};
use blackbox::{Answer, Ask, Client, Node, Start, binary, plain_get, samples};
use http::Method;
use serde_json::Value;

/// How long a node may take to join, be seated and vote.
const SEATED_WITHIN: Duration = Duration::from_mins(1);
/// How long those that are left may take to go on.
const GOES_ON_WITHIN: Duration = Duration::from_secs(8);
const OBJECT_BYTES: usize = 3 << 20;

#[tokio::main(flavor = "current_thread")]
async fn answered(node: &Node, ask: Ask) -> Result<Answer> {
    Client::connect(&node.target()).await?.call(ask).await
}

fn asked(node: &Node, ask: Ask) -> Result<Vec<u8>> {
    let answer = answered(node, ask)?;
    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    Ok(answer.body)
}

/// Waits until the metrics of a node have this line.
fn measures(node: &Node, line: &str) -> Result<()> {
    let since = Instant::now();
    loop {
        let (_, metrics) = plain_get(node.admin_url(), "/metrics")?;
        if metrics.lines().any(|one| one == line) {
            return Ok(());
        }
        ensure!(since.elapsed() < SEATED_WITHIN, "no {line} in\n{metrics}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Asks until it is done; how long that took.
fn until_done(node: &Node, ask: impl Fn() -> Ask) -> Result<(Vec<u8>, Duration)> {
    let since = Instant::now();
    loop {
        match asked(node, ask()) {
            Ok(body) => return Ok((body, since.elapsed())),
            Err(error) => ensure!(since.elapsed() < GOES_ON_WITHIN, "{error:#}\n{}", node.log()?),
        }
    }
}

fn witness_token(by: &Node) -> Result<String> {
    let made = by.essaim_json(&["invite", "--witness"])?;
    ensure!(made["invite"]["role"] == "witness", "{made:#}");
    Ok(made["token"].as_str().context("no token")?.to_owned())
}

/// How a node of this name is started that has joined already, or does with a token.
fn start(folder: &Path, name: &str, token: Option<&str>) -> Result<Start> {
    let mut start = Site::new(name, "44109").start(folder)?;
    start.arguments.extend(token.iter().flat_map(|token| ["--join".into(), (*token).into()]));
    start.joins = true;
    start.listen = place(name);
    Ok(start)
}

/// Where a site listens: at the same address after each start.
fn place(name: &str) -> Option<Ipv4Addr> {
    let last = match name {
        "mairie" => 1,
        "école" => 2,
        _ => 3,
    };
    Some(Ipv4Addr::new(127, 0, 77, last))
}

fn site<'v>(sites: &'v Value, name: &str) -> Option<&'v Value> {
    sites["sites"].as_array()?.iter().find(|site| site["name"] == name)
}

fn catalog<'v>(sites: &'v Value, name: &str) -> &'v str {
    site(sites, name).and_then(|site| site["nodes"][0]["catalog"].as_str()).unwrap_or_default()
}

/// Whether three vote and one of the two that keep data leads.
fn three_vote(sites: &Value) -> bool {
    let seats = ["mairie", "école", "relais"].map(|name| catalog(sites, name));
    sites["voting"] == 3
        && sites["may_be_away"] == 1
        && sites["voting_unreachable"] == 0
        && seats[2] == "votes"
        && seats.iter().filter(|seat| **seat == "leads").count() == 1
}

/// What a start says that is refused.
fn refused(data: &Path, token: &str, disk: &Path) -> Result<String> {
    let output = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--cluster-listen", "127.0.0.1:0", "--join", token, "--data"])
        .arg(data)
        .arg("--disk")
        .arg(disk)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "exit code {:?}: {said}", output.status);
    Ok(said)
}

#[test]
fn either_of_two_sites_may_vanish_beside_a_witness() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let at_its_place = |name: &str, start: Start| Start { listen: place(name), ..start };
    let start_first = Site::new("mairie", "44109").start(&at("a"))?;
    let mut first = Node::start_with(at_its_place("mairie", start_first))?;
    let start_second = Site::new("école", "44020").start(&at("b"))?;
    let mut second = join(&first, at_its_place("école", start_second))?;
    sites_with(&first, SEATED_WITHIN, |sites| sites["voting"] == 2)?;

    let text = first.essaim(&["invite", "--witness"])?;
    ensure!(text.contains("keeps no data, needs no disk"), "{text}");
    let token = witness_token(&first)?;
    let said = refused(&at("wrong"), &token, &at("disk"))?;
    ensure!(said.contains("a witness keeps no fragments"), "{said}");
    ensure!(!at("wrong").join("node.json").exists() && !at("disk").exists(), "it left something");
    let witness = Node::start_with(start(&at("w"), "relais", Some(&token))?)?.with_key_of(&first);
    let sites = sites_with(&first, SEATED_WITHIN, three_vote)?;
    let relais = site(&sites, "relais").context("no witness")?;
    ensure!(relais["witness"] == true && relais["nodes"][0]["disks"] == serde_json::json!([]));
    ensure!(!at("w").join("data/disk").exists(), "it made a disk");
    for line in [
        "essaim_sites{state=\"all\"} 3",
        "essaim_sites{state=\"voting\"} 3",
        "essaim_sites{state=\"unreachable\"} 0",
        "essaim_sites_may_be_away 1",
        "essaim_leads 1",
        "essaim_custody_answers_total{verdict=\"failed\"} 0",
    ] {
        measures(&first, line)?;
    }
    let list = first.essaim(&["site", "list"])?;
    ensure!(list.contains("3 sites vote: 1 of them may be away"), "{list}");
    ensure!(list.lines().any(|line| line.contains("relais") && line.contains("witness")), "{list}");
    let told = first.essaim(&["status"])?;
    ensure!(
        told.contains("3 sites, of which 3 vote") && told.contains("witness: relais"),
        "{told}"
    );

    // It serves nobody, opens nothing and hands nothing on.
    let answer = answered(&witness, Ask::new(Method::GET, "/plans/large"))?;
    ensure!(answer.status == 503 && answer.text().contains("is a witness"), "{}", answer.text());
    let told = witness.essaim(&["status"])?;
    ensure!(told.contains("this node is a witness"), "{told}");
    for words in [&["tenant", "create", "quartier"][..], &["invite"]] {
        let refused = witness.essaim(words).err().context("a witness has no key for that")?;
        let said = format!("{refused:#}");
        ensure!(said.contains("is a witness") && !said.contains("internal"), "{words:?}: {said}");
    }

    let (large, small) = (samples::bytes(OBJECT_BYTES, 3), vec![5; 700]);
    asked(&first, Ask::new(Method::PUT, "/plans"))?;
    asked(&first, Ask::new(Method::PUT, "/plans/large").body(large.clone()))?;
    asked(&second, Ask::new(Method::PUT, "/plans/small").body(small.clone()))?;
    let place = first.essaim_json(&["where", "s3://plans/large"])?;
    let fragments = place["parts"][0]["fragments"].as_array().context("no fragments")?;
    let mut sites: Vec<&str> = fragments.iter().filter_map(|one| one["site"].as_str()).collect();
    sites.sort_unstable();
    ensure!(sites == ["mairie", "école"] && place["sites_may_vanish"] == 1, "{place:#}");
    let told = second.essaim(&["where", "s3://plans/small"])?;
    ensure!(told.contains("votes, as a witness"), "{told}");

    // One after the other vanishes: what is left goes on, and takes what has room to survive.
    second.kill()?;
    goes_on(&first, "without-second", &large)?;
    measures(&first, "essaim_sites{state=\"unreachable\"} 1")?;
    second = Node::start_with(start(&at("b"), "école", None)?)?.with_key_of(&first);
    sites_with(&second, SEATED_WITHIN, three_vote)?;
    first.kill()?;
    goes_on(&second, "without-first", &large)?;
    ensure!(asked(&second, Ask::new(Method::GET, "/plans/without-second"))? == small);
    let first = Node::start_with(start(&at("a"), "mairie", None)?)?.with_key_of(&second);
    sites_with(&first, SEATED_WITHIN, three_vote)?;
    // It led when it died: until it has heard who leads now it takes no commands.
    until_done(&first, || Ask::new(Method::PUT, "/plans/back").body(vec![6; 10]))?;

    // A third site that keeps data takes the seat of the witness.
    let _third = join(&first, Site::new("piscine", "44035").start(&at("c"))?)?;
    let sites = sites_with(&first, SEATED_WITHIN, |sites| catalog(sites, "relais") == "keeps")?;
    ensure!(sites["voting"] == 3 && catalog(&sites, "piscine") == "votes", "{sites:#}");
    Ok(())
}

/// Reads, and writes that find room to survive, go on at the site that is left; what does
/// not is refused with the reason.
fn goes_on(left: &Node, key: &str, large: &[u8]) -> Result<()> {
    let path = format!("/plans/{key}");
    let put = || Ask::new(Method::PUT, path.clone()).body(vec![5; 700]);
    let (_, writes) = until_done(left, put)?;
    let (body, reads) = until_done(left, || Ask::new(Method::GET, "/plans/large"))?;
    ensure!(body == large, "another object");
    println!("{key}: writes after {writes:?}, then reads after {reads:?}");
    let answer = answered(left, Ask::new(Method::PUT, "/plans/second").body(large.to_vec()))?;
    let told = answer.text();
    ensure!(answer.status == 503 && told.contains("site"), "{}: {told}", answer.status);
    Ok(())
}
