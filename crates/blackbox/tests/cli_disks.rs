//! A disk that is lost for good, as an operator meets it: what is told, what is refused,
//! and that it is over in the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Answer, Ask, Client, Node, Start, binary, plain_get};
use http::Method;
use serde_json::Value;

const OBJECTS: u64 = 13;
const OBJECT_BYTES: usize = 300_000;

/// How long a node may take to count, rebuild and tell what these few objects need: some
/// samples of its health.
const PATIENCE: Duration = Duration::from_secs(40);

fn started(folder: &Path, disks: &[&Path], more: &[&str]) -> Result<Node> {
    let disks = disks.iter().flat_map(|disk| ["--disk".into(), disk.as_os_str().to_owned()]);
    let arguments = disks.chain(more.iter().map(Into::into)).collect();
    Node::start_with(Start { folder: Some(folder.to_owned()), arguments, ..Start::default() })
}

/// What a start that is refused says.
fn refused(data: &Path, words: &[&str]) -> Result<String> {
    let output = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(words)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "exit code {:?}: {said}", output.status);
    Ok(said)
}

/// Waits until the status is as wanted.
fn status_with(node: &Node, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let since = Instant::now();
    loop {
        let status = node.essaim_json(&["status"])?;
        if wanted(&status) {
            return Ok(status);
        }
        ensure!(since.elapsed() < PATIENCE, "{status:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Exit code and all that a command says.
fn said(node: &Node, words: &[&str]) -> Result<(Option<i32>, String)> {
    let output = Command::new(binary()?).args(words).arg("--data").arg(node.data()).output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&said).into_owned()))
}

fn health(node: &Node) -> Result<(u16, String)> {
    plain_get(node.admin_url(), "/health/ready")
}

#[tokio::main(flavor = "current_thread")]
async fn objects(node: &Node, write: bool) -> Result<()> {
    let mut client = Client::connect(&node.target()).await?;
    if write {
        client.call(Ask::new(Method::PUT, "/letters")).await?;
    }
    for number in 0..OBJECTS {
        let path = format!("/letters/{number}");
        let answer = if write {
            client.call(Ask::new(Method::PUT, path).body(vec![7; OBJECT_BYTES])).await?
        } else {
            client.call(Ask::new(Method::GET, path)).await?
        };
        ensure!(answer.status.is_success(), "{}", answer.text());
        ensure!(write || answer.body == vec![7; OBJECT_BYTES], "another object");
    }
    Ok(())
}

/// What a client is told who reads what lies on a disk that is not there.
#[tokio::main(flavor = "current_thread")]
async fn unread(node: &Node) -> Result<Answer> {
    Client::connect(&node.target()).await?.call(Ask::new(Method::GET, "/letters/0")).await
}

#[test]
fn a_disk_that_died_is_rebuilt_and_forgotten() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let [a, b, c, d]: [PathBuf; 4] = ["a", "b", "c", "d"].map(at);
    let mut node = started(folder.path(), &[&a, &b, &c], &[])?;
    objects(&node, true)?;
    let disks = node.essaim_json(&["disk", "list"])?;
    let id_of = |disks: &Value, directory: &Path| {
        let directory = directory.display().to_string();
        let found = disks.as_array().into_iter().flatten();
        let mut found = found.filter(|disk| disk["directory"] == directory.as_str());
        found.next().and_then(|disk| disk["id"].as_str().map(str::to_owned))
    };
    let dead = id_of(&disks, &b).context("no disk")?;
    let alive = id_of(&disks, &a).context("no disk")?;
    ensure!(disks[1]["parts"] == OBJECTS && disks[1]["state"] == "healthy", "{disks:#}");
    node.stop()?;
    fs::rename(&b, at("dead"))?;

    // Everything can be read without it, and nothing can be rebuilt on two disks.
    let told = refused(&node.data(), &[])?;
    ensure!(told.contains("is missing") && told.contains("--allow-missing-disks"), "{told}");
    let mut node = started(folder.path(), &[], &["--allow-missing-disks"])?;
    status_with(&node, |status| {
        status["ready"] == true && status["queues"]["homeless_parts"] == OBJECTS
    })?;
    ensure!(health(&node)?.0 == 200, "{}", health(&node)?.1);
    let (code, told) = said(&node, &["status"])?;
    let waits = "13 parts have still to be rebuilt, for which there is no disk";
    ensure!(code == Some(0) && told.contains("ready, DEGRADED") && told.contains(waits), "{told}");
    let (_, metrics) = plain_get(node.admin_url(), "/metrics")?;
    ensure!(metrics.contains(&format!("essaim_disk_missing{{disk=\"{dead}\"}} 1")), "{metrics}");
    objects(&node, false)?;
    let (code, told) = said(&node, &["scrub", "--now"])?;
    ensure!(code == Some(0) && told.contains("have no disk to be rebuilt on"), "{code:?}: {told}");
    let scrub = node.essaim_json(&["scrub"])?;
    ensure!(scrub["fragments_lost"] == 0 && scrub["fragments_homeless"] == OBJECTS, "{scrub:#}");
    let (code, told) = said(&node, &["disk", "forget", &dead])?;
    ensure!(code == Some(1) && told.contains("13 parts still have"), "{told}");
    ensure!(told.contains("add one with --disk DIR"), "{told}");
    let (code, told) = said(&node, &["disk", "forget", &alive])?;
    ensure!(code == Some(1) && told.contains("is there"), "{told}");
    for (wrong, words) in [("00000000", "no disk"), ("b", "is not the id")] {
        let (code, told) = said(&node, &["disk", "forget", wrong])?;
        ensure!(code == Some(1) && told.contains(words), "{told}");
    }
    node.stop()?;

    // With another disk it is rebuilt, and the dead one forgotten.
    let mut node = started(folder.path(), &[&d], &["--allow-missing-disks"])?;
    let lost = |status: &Value| {
        let mut disks = status["disks"].as_array().into_iter().flatten();
        disks.find(|disk| disk["id"] == dead.as_str()).cloned()
    };
    status_with(&node, |status| lost(status).is_some_and(|disk| disk["parts_left"] == 0))?;
    let (_, told) = said(&node, &["status"])?;
    ensure!(told.contains(&format!("essaim disk forget {dead}")), "{told}");
    let seen = node.essaim_json(&["disk", "list"])?;
    let missing = seen.as_array().into_iter().flatten().find(|disk| disk["state"] == "missing");
    let missing = missing.context("it is not listed")?;
    ensure!(missing["directory"] == b.display().to_string().as_str(), "{missing:#}");
    ensure!(missing["last_seen"].is_string() && missing["parts"] == 0, "{missing:#}");
    let (code, told) = said(&node, &["disk", "forget", dead.get(..8).unwrap_or_default()])?;
    ensure!(code == Some(0) && told.contains("is forgotten"), "{told}");
    ensure!(node.log()?.contains("disk forget"), "it is not in the audit log");
    let over = |status: &Value| {
        let degraded = status["degraded"].as_array().map(Vec::len);
        lost(status).is_none() && status["ready"] == true && degraded == Some(0)
    };
    status_with(&node, over)?;
    let (code, told) = said(&node, &["disk", "forget", &dead])?;
    ensure!(code == Some(1) && told.contains("was forgotten on"), "{told}");
    node.stop()?;

    // As if it had never been.
    let mut node = started(folder.path(), &[], &[])?;
    status_with(&node, |status| over(status) && health(&node).is_ok_and(|found| found.0 == 200))?;
    let (_, metrics) = plain_get(node.admin_url(), "/metrics")?;
    ensure!(!metrics.contains(&dead), "{metrics}");
    let doctor = said(&node, &["doctor"])?.1;
    ensure!(!doctor.contains("is missing"), "{doctor}");
    objects(&node, false)?;
    node.stop()?;

    // Nor does it come back.
    fs::rename(at("dead"), &b)?;
    let before = fs::read(b.join("disk.id"))?;
    let told = refused(&node.data(), &["--disk", &b.display().to_string()])?;
    ensure!(told.contains("was forgotten on") && told.contains("empty it first"), "{told}");
    ensure!(fs::read(b.join("disk.id"))? == before, "it was changed");
    let mut node = started(folder.path(), &[], &[])?;
    objects(&node, false)?;
    node.stop()?;
    fs::remove_dir_all(&b)?;
    let node = started(folder.path(), &[&b], &[])?;
    let disks = node.essaim_json(&["disk", "list"])?;
    ensure!(id_of(&disks, &b).is_some_and(|id| id != dead), "{disks:#}");
    Ok(())
}

#[test]
fn a_disk_without_which_something_is_lost_keeps_the_node_unready() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let mut node = started(folder.path(), &[&a], &[])?;
    objects(&node, true)?;
    node.stop()?;
    fs::rename(&a, folder.path().join("dead"))?;
    let node = started(folder.path(), &[&b], &["--allow-missing-disks"])?;
    let since = Instant::now();
    loop {
        let (code, told) = health(&node)?;
        ensure!(code == 503, "{told}");
        if told.contains("not everything can be read without it") {
            break;
        }
        ensure!(since.elapsed() < PATIENCE, "{told}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let read = unread(&node)?;
    ensure!(read.status == 503 && read.text().contains("ServiceUnavailable"), "{}", read.text());
    let disks = node.essaim_json(&["disk", "list"])?;
    let dead = disks.as_array().into_iter().flatten().find(|disk| disk["state"] == "missing");
    let dead = dead.and_then(|disk| disk["id"].as_str()).context("it is not listed")?;
    let (code, told) = said(&node, &["disk", "forget", dead])?;
    ensure!(code == Some(1) && told.contains("delete the objects"), "{told}");
    Ok(())
}

#[test]
fn a_second_disk_takes_copies_of_what_lay_on_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let [a, b]: [PathBuf; 2] = ["a", "b"].map(|name| folder.path().join(name));
    let mut node = started(folder.path(), &[&a], &[])?;
    objects(&node, true)?;
    node.stop()?;

    let mut node = started(folder.path(), &[&a, &b], &[])?;
    let since = Instant::now();
    loop {
        let disks = node.essaim_json(&["disk", "list"])?;
        if disks[0]["parts"] == OBJECTS && disks[1]["parts"] == OBJECTS {
            break;
        }
        ensure!(since.elapsed() < PATIENCE, "{disks:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    status_with(&node, |status| status["queues"]["single_parts"] == 0)?;
    node.stop()?;

    fs::rename(&a, folder.path().join("dead"))?;
    let node = started(folder.path(), &[], &["--allow-missing-disks"])?;
    objects(&node, false)
}
