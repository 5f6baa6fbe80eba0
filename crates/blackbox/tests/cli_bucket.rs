//! Sites whose fragments lie in a bucket of a real Garage, which `ESSAIM_GARAGE` names.
//! Without it these tests say that they tried nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::sites::{Site, all_there, join, sites_with};
use blackbox::{Ask, Client, Garage, Node, Start, binary, samples};
use http::Method;
use serde_json::Value;

/// How long a node may take to join, be seated and vote, or a disk to be back.
const SEATED_WITHIN: Duration = Duration::from_mins(1);
/// How long a lost site's fragments may take to be elsewhere.
const REPAIRED_WITHIN: Duration = Duration::from_mins(4);
/// How long a read may wait for a bucket that has just gone away.
const AWAY_WITHIN: Duration = Duration::from_secs(30);
const BUCKET: &str = "fragments";
const OBJECT_BYTES: usize = 5 << 20;

/// A Garage, if there is one to be had.
fn garage(folder: &Path) -> Result<Option<Garage>> {
    let Some(binary) = Garage::binary() else {
        eprintln!("ESSAIM_GARAGE names no Garage: nothing was tried");
        return Ok(None);
    };
    Ok(Some(Garage::start(&binary, folder, BUCKET)?))
}

/// What `up` is told of a prefix in the bucket.
fn bucket_words(garage: &Garage, folder: &Path, prefix: &str) -> Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let (file, target) = (folder.join("bucket.credentials"), garage.target());
    let text = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        target.access_key_id, target.secret_access_key
    );
    fs::write(&file, text)?;
    let words = [
        "--bucket-url".to_owned(),
        format!("s3://{BUCKET}/{prefix}"),
        "--bucket-endpoint".to_owned(),
        format!("http://{}", target.address),
        "--bucket-region".to_owned(),
        "garage".to_owned(),
        "--bucket-credentials".to_owned(),
        file.display().to_string(),
        "--bucket-room".to_owned(),
        "10GiB".to_owned(),
    ];
    Ok(words.into())
}

fn started(folder: &Path, words: &[String]) -> Result<Node> {
    let arguments = words.iter().map(Into::into).collect();
    let folder = Some(folder.to_owned());
    Node::start_with(Start { folder, arguments, ..Start::default() })
}

#[tokio::main(flavor = "current_thread")]
async fn asked(node: &Node, ask: Ask) -> Result<Vec<u8>> {
    let answer = Client::connect(&node.target()).await?.call(ask).await?;
    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    Ok(answer.body)
}

fn put(node: &Node, key: &str, seed: usize) -> Result<()> {
    let body = samples::bytes(OBJECT_BYTES, seed);
    asked(node, Ask::new(Method::PUT, key).body(body)).map(|_| ())
}

fn is_whole(node: &Node, key: &str, seed: usize) -> Result<()> {
    let body = asked(node, Ask::new(Method::GET, key))?;
    ensure!(body == samples::bytes(OBJECT_BYTES, seed), "{key} came back as something else");
    Ok(())
}

/// Tries again until it is so.
fn soon(node: &Node, within: Duration, mut is_so: impl FnMut() -> Result<()>) -> Result<()> {
    let since = Instant::now();
    while let Err(error) = is_so() {
        ensure!(since.elapsed() < within, "{error:#}\n{}", node.log()?);
        std::thread::sleep(Duration::from_millis(250));
    }
    Ok(())
}

fn site<'a>(sites: &'a Value, name: &str) -> Result<&'a Value> {
    let mut all = sites["sites"].as_array().into_iter().flatten();
    all.find(|site| site["name"] == name).with_context(|| format!("no {name} in {sites:#}"))
}

#[test]
fn a_node_lives_in_a_bucket() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(mut garage) = garage(folder.path())? else { return Ok(()) };
    let at = folder.path().join("a");
    let words = bucket_words(&garage, &at, "essaim/a")?;
    let mut node = started(&at, &words)?;
    asked(&node, Ask::new(Method::PUT, "/plans"))?;
    put(&node, "/plans/large", 3)?;
    put(&node, "/plans/other", 4)?;
    is_whole(&node, "/plans/large", 3)?;
    let disks = node.essaim_json(&["disk", "list"])?;
    let disk = disks.as_array().and_then(|disks| disks.first()).context("no disk")?;
    ensure!(disk["directory"] == format!("s3://{BUCKET}/essaim/a"), "{disks:#}");
    ensure!(disks.as_array().map_or(0, Vec::len) == 1, "{disks:#}");
    ensure!(!at.join("data/disk").exists(), "no other disk is made");

    // Killed, and started again on what the bucket holds.
    node.kill()?;
    let mut node = started(&at, &words)?;
    is_whole(&node, "/plans/large", 3)?;
    is_whole(&node, "/plans/other", 4)?;
    asked(&node, Ask::new(Method::DELETE, "/plans/other"))?;

    // The bucket goes away and comes back: nothing is lost by that.
    garage.kill()?;
    let since = Instant::now();
    ensure!(asked(&node, Ask::new(Method::GET, "/plans/large")).is_err(), "without the bucket?");
    ensure!(since.elapsed() < AWAY_WITHIN, "a read waited {:?}", since.elapsed());
    let told = node.essaim(&["status"])?;
    ensure!(told.contains("DOES NOT ANSWER"), "{told}");
    ensure!(put(&node, "/plans/late", 5).is_err(), "written to nowhere");
    garage.run()?;
    soon(&node, SEATED_WITHIN, || is_whole(&node, "/plans/large", 3))?;
    soon(&node, SEATED_WITHIN, || put(&node, "/plans/late", 5))?;
    is_whole(&node, "/plans/late", 5)?;
    ensure!(node.stop()? == Some(0), "{}", node.log()?);

    // Another node is kept out, and so is a start without the bucket.
    let other = folder.path().join("b");
    fs::create_dir_all(&other)?;
    let refused = |words: &[String], data: &Path| -> Result<String> {
        let output = Command::new(binary()?)
            .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--cluster-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(words)
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(1), "{:?}: {said}", output.status);
        Ok(said)
    };
    let said = refused(&words, &other.join("data"))?;
    ensure!(said.contains("a disk of another node"), "{said}");
    let said = refused(&[], &at.join("data"))?;
    ensure!(said.contains("--bucket-url"), "{said}");
    let log = node.log()?;
    ensure!(!log.contains(&garage.target().secret_access_key), "the secret is in the log");
    let node = started(&at, &words)?;
    is_whole(&node, "/plans/late", 5)
}

#[test]
fn a_site_in_a_bucket_stands_beside_sites_with_disks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(mut garage) = garage(folder.path())? else { return Ok(()) };
    let at = |name: &str| folder.path().join(name);
    let first = Node::start_with(Site::new("mairie", "44109").start(&at("a"))?)?;
    let words = bucket_words(&garage, &at("b"), "essaim/b")?;
    let mut cloud_start = Site::new("nuage", "44020").start(&at("b"))?;
    cloud_start.arguments.extend(words.iter().map(Into::into));
    let mut cloud = join(&first, cloud_start.clone())?;
    let third = join(&first, Site::new("piscine", "44035").start(&at("c"))?)?;
    sites_with(&first, SEATED_WITHIN, |sites| all_there(sites, 3))?;
    asked(&first, Ask::new(Method::PUT, "/plans"))?;
    put(&first, "/plans/one", 1)?;
    put(&cloud, "/plans/two", 2)?;
    for node in [&first, &cloud, &third] {
        is_whole(node, "/plans/one", 1)?;
        is_whole(node, "/plans/two", 2)?;
    }
    let held_by = |name: &str, key: &str| -> Result<usize> {
        let place = first.essaim_json(&["where", &format!("s3://plans/{key}")])?;
        let parts = place["parts"].as_array().into_iter().flatten();
        let fragments = parts.flat_map(|part| part["fragments"].as_array().into_iter().flatten());
        Ok(fragments.filter(|one| one["site"] == name && one["reach"] == "there").count())
    };
    ensure!(held_by("nuage", "one")? == 1 && held_by("nuage", "two")? == 1, "not in the bucket");

    // Its node is killed; then its bucket: the others serve, and it comes back whole.
    cloud.kill()?;
    soon(&first, SEATED_WITHIN, || is_whole(&first, "/plans/one", 1))?;
    let cloud = Node::start_with(Start { joins: true, ..cloud_start })?.with_key_of(&first);
    sites_with(&first, SEATED_WITHIN, |sites| all_there(sites, 3))?;
    is_whole(&cloud, "/plans/two", 2)?;
    garage.kill()?;
    soon(&first, SEATED_WITHIN, || is_whole(&cloud, "/plans/one", 1))?;
    soon(&first, SEATED_WITHIN, || put(&first, "/plans/three", 3))?;
    soon(&first, SEATED_WITHIN, || is_whole(&cloud, "/plans/three", 3))?;
    garage.run()?;
    sites_with(&first, SEATED_WITHIN, |sites| all_there(sites, 3))?;
    for (key, seed) in [("/plans/one", 1), ("/plans/two", 2), ("/plans/three", 3)] {
        is_whole(&third, key, seed)?;
    }

    // The bucket is lost for good: a fourth site takes what lay there.
    let fourth = join(&first, Site::new("stade", "44026").start(&at("d"))?)?;
    sites_with(&first, SEATED_WITHIN, |sites| all_there(sites, 4))?;
    drop(cloud);
    garage.kill()?;
    first.essaim(&["site", "remove", "nuage", "--lost", "--yes"])?;
    let sites = first.essaim_json(&["site", "list"])?;
    ensure!(site(&sites, "nuage").is_err(), "{sites:#}");
    soon(&first, REPAIRED_WITHIN, || {
        for key in ["one", "two"] {
            ensure!(held_by("stade", key)? == 1, "{key} is not repaired yet");
        }
        Ok(())
    })?;
    for (key, seed) in [("/plans/one", 1), ("/plans/two", 2), ("/plans/three", 3)] {
        is_whole(&fourth, key, seed)?;
    }
    Ok(())
}
