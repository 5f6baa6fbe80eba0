//! Several nodes of the real binary become one cluster, as operators see it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use blackbox::sites::{Site, all_there, invite, join, sites_with};
use blackbox::{Ask, Client, Node, Start, binary, samples};
use http::{Method, StatusCode};
use serde_json::Value;

/// How long a node may take to join, be seated and vote.
const SEATED_WITHIN: Duration = Duration::from_mins(1);
/// How long a node that serves may take to say so.
const GREETS_WITHIN: Duration = Duration::from_secs(10);
/// How long the others may take to tell that a node has gone.
const MISSED_WITHIN: Duration = Duration::from_secs(15);
/// How long a read may take while a site hangs.
const READ_WITHIN: Duration = Duration::from_millis(800);
/// How long a site may take to know that it is cut off, or is not any more.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take that a site is emptied to another and leaves.
const REPLACED_WITHIN: Duration = Duration::from_mins(2);
/// A fragmented object, and one that lies in the catalog.
const OBJECT_BYTES: usize = 5 << 20;
const SMALL_BYTES: usize = 700;

fn founded(folder: &Path, name: &str) -> Result<Node> {
    Node::start_with(Site::new(name, "44109").start(folder)?)
}

fn joined(by: &Node, folder: &Path, name: &str, commune: &str) -> Result<Node> {
    join(by, Site::new(name, commune).start(folder)?)
}

/// What a start says that is refused.
fn refused(data: &Path, token: &str) -> Result<String> {
    let output = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--cluster-listen", "127.0.0.1:0", "--join", token, "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "exit code {:?}: {said}", output.status);
    Ok(said)
}

#[tokio::main(flavor = "current_thread")]
async fn asked(node: &Node, ask: Ask) -> Result<Vec<u8>> {
    let answer = Client::connect(&node.target()).await?.call(ask).await?;
    let status = answer.status;
    ensure!(status.is_success(), "{status}: {}\n{}", answer.text(), node.log()?);
    Ok(answer.body)
}

#[test]
fn two_nodes_become_one_cluster_and_tokens_are_good_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let first = founded(&at("a"), "mairie")?;
    let text = first.essaim(&["invite", "--expires", "30m"])?;
    let word = text.lines().next().context("no token")?;
    ensure!(word.starts_with("essaim1-") && !word.contains(' '), "{text}");
    for words in ["essaim up --join ", "good for one machine", "--cluster-listen"] {
        ensure!(text.contains(words), "{words}: {text}");
    }
    let mut second = joined(&first, &at("b"), "école", "44020")?;
    // It serves a moment before it says so.
    let since = Instant::now();
    for words in ["let in just now", "with mairie", "password admin"] {
        while !second.log()?.contains(words) {
            ensure!(since.elapsed() < GREETS_WITHIN, "{words}: {}", second.log()?);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    for node in [&first, &second] {
        sites_with(node, SEATED_WITHIN, |sites| all_there(sites, 2))?;
    }
    let list = second.essaim(&["site", "list"])?;
    for words in ["2 sites vote", "mairie", "école", "44020, 44", "Ville mairie", "this one"] {
        ensure!(list.contains(words), "{words}: {list}");
    }
    let shown = first.essaim(&["site", "show", "école"])?;
    for words in ["checked now: good", "countersigned by", "of mairie"] {
        ensure!(shown.contains(words), "{words}: {shown}");
    }
    let status = first.essaim(&["status"])?;
    ensure!(status.contains("2 sites, of which 2 vote"), "{status}");

    // Used, expired, taken back, and no token at all.
    let invites = first.essaim_json(&["invite", "list"])?;
    let used = invites.as_array().into_iter().flatten().filter(|one| one["state"] == "used");
    ensure!(used.count() == 1, "{invites:#}");
    let token = invite(&first, "1h")?;
    let third = at("third");
    fs::create_dir_all(&third)?;
    let arguments: Vec<_> = ["--join", token.as_str()].into_iter().map(Into::into).collect();
    let start = Start { folder: Some(third), arguments, joins: true, ..Start::default() };
    let mut third = Node::start_with(start)?;
    let said = refused(&at("again"), &token)?;
    ensure!(said.contains("used") || said.contains("invit"), "{said}");
    third.stop()?;
    let brief = invite(&first, "2s")?;
    std::thread::sleep(Duration::from_secs(3));
    let said = refused(&at("late"), &brief)?;
    ensure!(said.contains("expired"), "{said}");
    let garbage = at("garbage");
    let said = refused(&garbage, "essaim1-nonsense")?;
    ensure!(said.contains("not whole"), "{said}");
    let left = fs::read_dir(&garbage).into_iter().flatten().count();
    ensure!(!garbage.join("node.json").exists() && left <= 2, "{left} files were made");

    // Gone: told within seconds, by its name.
    second.kill()?;
    let told = sites_with(&first, MISSED_WITHIN, |sites| {
        let mut sites = sites["sites"].as_array().into_iter().flatten();
        sites.any(|site| site["name"] == "école" && site["nodes"][0]["reachable"] == false)
    })?;
    let disk = told["sites"].as_array().into_iter().flatten();
    let mut disk = disk.filter(|site| site["name"] == "école");
    let disk = disk.next().context("no site")?["nodes"][0]["disks"][0].clone();
    ensure!(disk["reach"] == "unreachable" && disk["free_bytes"].is_null(), "{disk:#}");
    Ok(())
}

#[test]
fn an_object_at_three_sites_survives_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let first = founded(&at("a"), "mairie")?;
    let mut second = joined(&first, &at("b"), "école", "44020")?;
    let third = joined(&first, &at("c"), "piscine", "44035")?;
    for node in [&first, &second, &third] {
        sites_with(node, SEATED_WITHIN, |sites| all_there(sites, 3))?;
    }
    let body = samples::bytes(OBJECT_BYTES, 3);
    asked(&first, Ask::new(Method::PUT, "/plans"))?;
    asked(&first, Ask::new(Method::PUT, "/plans/large").body(body.clone()))?;
    asked(&first, Ask::new(Method::PUT, "/plans/small").body(vec![7; SMALL_BYTES]))?;
    for node in [&second, &third] {
        ensure!(asked(node, Ask::new(Method::GET, "/plans/large"))? == body, "another object");
    }
    let place = second.essaim_json(&["where", "s3://plans/large"])?;
    let fragments = place["parts"][0]["fragments"].as_array().context("no fragments")?;
    let mut sites: Vec<&str> = fragments.iter().filter_map(|one| one["site"].as_str()).collect();
    sites.sort_unstable();
    ensure!(sites == ["mairie", "piscine", "école"], "{place:#}");
    ensure!(fragments.iter().all(|one| one["reach"] == "there"), "{place:#}");
    ensure!(place["sites_may_vanish"].as_u64().is_some_and(|sites| sites >= 1), "{place:#}");
    let told = third.essaim(&["where", "s3://plans/large"])?;
    ensure!(told.contains("3 fragments on 3 sites: any "), "{told}");
    let told = third.essaim(&["where", "s3://plans/small"])?;
    ensure!(told.contains("in the catalog, which is at 3 sites"), "{told}");

    second.kill()?;
    for node in [&first, &third] {
        let since = Instant::now();
        // Who led may have been the one that died: another one is chosen first.
        while asked(node, Ask::new(Method::GET, "/plans/large")).is_err() {
            ensure!(since.elapsed() < SEATED_WITHIN, "{}", node.log()?);
        }
        ensure!(asked(node, Ask::new(Method::GET, "/plans/large"))? == body, "another object");
        ensure!(asked(node, Ask::new(Method::GET, "/plans/small"))? == vec![7; SMALL_BYTES]);
    }
    sites_with(&first, MISSED_WITHIN, |sites| {
        sites["voting_unreachable"] == 1 && sites["may_be_away"] == 1
    })?;
    let told = first.essaim(&["where", "s3://plans/large"])?;
    ensure!(told.contains("1 of them is not there now"), "{told}");
    Ok(())
}

/// What a node answers: its status, since when it says that it is cut off, and the body.
#[tokio::main(flavor = "current_thread")]
async fn answered(node: &Node, ask: Ask) -> Result<(StatusCode, Option<String>, Vec<u8>)> {
    let answer = Client::connect(&node.target()).await?.call(ask).await?;
    Ok((answer.status, answer.cut_off_since, answer.body))
}

#[test]
fn a_site_that_is_cut_off_reads_what_it_has_and_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let first = founded(&at("a"), "mairie")?;
    let second = joined(&first, &at("b"), "école", "44020")?;
    let third = joined(&first, &at("c"), "piscine", "44035")?;
    for node in [&first, &second, &third] {
        sites_with(node, SEATED_WITHIN, |sites| all_there(sites, 3))?;
    }
    asked(&first, Ask::new(Method::PUT, "/plans"))?;
    let small = vec![7; SMALL_BYTES];
    asked(&first, Ask::new(Method::PUT, "/plans/small").body(small.clone()))?;
    let large = samples::bytes(OBJECT_BYTES, 6);
    asked(&first, Ask::new(Method::PUT, "/plans/large").body(large.clone()))?;
    ensure!(asked(&first, Ask::new(Method::GET, "/plans/small"))? == small);
    for node in [&second, &third] {
        node.pause()?;
    }
    let since = Instant::now();
    let get = |key: &str| Ask::new(Method::GET, format!("/plans{key}"));
    // One that leads knows for a moment that nobody else does.
    let told = loop {
        let (status, cut_off, body) = answered(&first, get("/small"))?;
        ensure!(status == 200 && body == small, "{status}");
        ensure!(since.elapsed() < CUT_OFF_WITHIN, "it does not know that it is cut off");
        if let Some(told) = cut_off {
            break told;
        }
    };
    ensure!(told.ends_with('Z'), "{told}");
    // From then on nobody waits.
    let since = Instant::now();
    let listed = answered(&first, get("").query("list-type=2"))?;
    ensure!(listed.1.is_some() && String::from_utf8_lossy(&listed.2).contains("large"));
    ensure!(answered(&first, Ask::new(Method::HEAD, "/plans/large"))?.0 == 200);
    let newest = get("/small").header("x-essaim-read", "current");
    let (status, cut_off, _) = answered(&first, newest)?;
    ensure!(status == 503 && cut_off.is_none(), "{status}");
    let (status, _, _) = answered(&first, get("/small").header("x-essaim-read", "old"))?;
    ensure!(status == 400, "{status}");
    let (status, _, told) =
        answered(&first, Ask::new(Method::PUT, "/plans/new").body(small.clone()))?;
    let told = String::from_utf8_lossy(&told).into_owned();
    ensure!(status == 503 && told.contains("voting sites can be reached"), "{status}: {told}");
    let waited = since.elapsed();
    ensure!(waited < Duration::from_secs(2), "five requests took {waited:?}");
    // Of three sites each has all of it.
    let (status, cut_off, body) = answered(&first, get("/large"))?;
    ensure!(status == 200 && cut_off.is_some() && body == large, "{status}");
    let told = first.essaim(&["status"])?;
    ensure!(told.contains("the other sites: cut off: reads show what was known at 20"), "{told}");
    // The lists of the administration are as of then too.
    first.essaim(&["tenant", "list"])?;

    for node in [&second, &third] {
        node.resume()?;
    }
    let since = Instant::now();
    loop {
        let (status, cut_off, body) = answered(&first, get("/large"))?;
        if status == 200 && cut_off.is_none() {
            ensure!(body == large, "another object");
            break;
        }
        ensure!(since.elapsed() < CUT_OFF_WITHIN, "{status} {cut_off:?}: {}", first.log()?);
        std::thread::sleep(Duration::from_millis(50));
    }
    // Those who come back may elect another, and a write that was under way is refused.
    while asked(&first, Ask::new(Method::PUT, "/plans/new").body(small.clone())).is_err() {
        ensure!(since.elapsed() < 2 * CUT_OFF_WITHIN, "{}", first.log()?);
    }
    Ok(())
}

/// The longest of some reads of an object, at a node.
fn longest_read(node: &Node, path: &str, expected: &[u8], reads: usize) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for _ in 0..reads {
        let since = Instant::now();
        let got = asked(node, Ask::new(Method::GET, path))?;
        longest = longest.max(since.elapsed());
        ensure!(got == expected, "another object");
    }
    Ok(longest)
}

#[test]
fn a_site_that_hangs_keeps_no_reader_waiting() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let first = founded(&at("a"), "mairie")?;
    let mut nodes = vec![("mairie", &first)];
    // Of four sites two hold the data and two parity.
    let others = [("école", "44020"), ("piscine", "44035"), ("gare", "44109")];
    let joined = others.map(|(name, commune)| joined(&first, &at(name), name, commune));
    for ((name, _), node) in others.iter().zip(&joined) {
        nodes.push((name, node.as_ref().map_err(|error| anyhow!("{name}: {error:#}"))?));
    }
    let sites = sites_with(&first, SEATED_WITHIN, |sites| {
        let there = sites["sites"].as_array().into_iter().flatten();
        sites["voting"] == 3
            && there.filter(|site| site["nodes"][0]["disks"][0]["reach"] == "there").count() == 4
    })?;
    asked(&first, Ask::new(Method::PUT, "/plans"))?;
    let body = samples::bytes(OBJECT_BYTES, 4);
    asked(&first, Ask::new(Method::PUT, "/plans/large").body(body.clone()))?;
    let place = first.essaim_json(&["where", "s3://plans/large"])?;
    let part = &place["parts"][0];
    ensure!(part["data"] == 2, "{place:#}");
    let leads = |name: &str| {
        let mut sites = sites["sites"].as_array().into_iter().flatten();
        sites.any(|site| site["name"] == name && site["nodes"][0]["catalog"] == "leads")
    };
    // One that holds data, and does not lead: nothing is waited for but what it holds.
    let holders = part["fragments"].as_array().into_iter().flatten().take(2);
    let mut holders = holders.filter_map(|fragment| fragment["site"].as_str());
    let hung = holders.find(|name| !leads(name)).context("nobody holds data")?;
    let (_, hangs) = nodes.iter().find(|(name, _)| *name == hung).context("no such site")?;
    let (_, asks) = nodes.iter().find(|(name, _)| *name != hung).context("no other site")?;
    hangs.pause()?;
    let longest = longest_read(asks, "/plans/large", &body, 10);
    hangs.resume()?;
    let longest = longest?;
    ensure!(longest < READ_WITHIN, "a read took {longest:?}\n{}", asks.log()?);
    Ok(())
}

#[test]
fn a_site_takes_the_place_of_another_by_one_command() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let first = founded(&at("a"), "mairie")?;
    let _second = joined(&first, &at("b"), "école", "44020")?;
    let third = joined(&first, &at("c"), "piscine", "44035")?;
    for node in [&first, &third] {
        sites_with(node, SEATED_WITHIN, |sites| all_there(sites, 3))?;
    }
    let body = samples::bytes(OBJECT_BYTES, 5);
    asked(&first, Ask::new(Method::PUT, "/plans"))?;
    asked(&first, Ask::new(Method::PUT, "/plans/large").body(body.clone()))?;
    let fourth = joined(&first, &at("d"), "quai", "44109")?;
    let told = first.essaim(&["site", "replace", "école", "quai"])?;
    ensure!(told.contains("nothing else has to be typed"), "{told}");
    let named = |sites: &Value, name: &str| {
        sites["sites"].as_array().is_some_and(|all| all.iter().any(|site| site["name"] == name))
    };
    sites_with(&first, REPLACED_WITHIN, |sites| !named(sites, "école") && named(sites, "quai"))?;
    for node in [&first, &third, &fourth] {
        ensure!(asked(node, Ask::new(Method::GET, "/plans/large"))? == body, "another object");
    }
    let place = first.essaim_json(&["where", "s3://plans/large"])?;
    let fragments = place["parts"][0]["fragments"].as_array().context("no fragments")?;
    let mut sites: Vec<&str> = fragments.iter().filter_map(|one| one["site"].as_str()).collect();
    sites.sort_unstable();
    ensure!(sites == ["mairie", "piscine", "quai"], "{place:#}");
    // Once it has left the sites are others, and all is counted once more.
    sites_with(&first, REPLACED_WITHIN, |sites| sites["moves"]["phase"] == "resting")?;
    let told = third.essaim(&["site", "list"])?;
    ensure!(told.contains("Nothing is to be moved between sites."), "{told}");
    Ok(())
}
