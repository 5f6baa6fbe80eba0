//! A system that lets the node open few files: told at the start, and never taken for
//! a disk that fails.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use blackbox::{Ask, Client, Node, Start, binary};
use http::{Method, StatusCode};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

/// How long a line of the log may be on its way.
const TOLD_MAX: Duration = Duration::from_secs(10);

fn node(files: u32) -> Result<Node> {
    let wrapper = ["prlimit".into(), format!("--nofile={files}:{files}").into()];
    Node::start_with(Start { wrapper: wrapper.to_vec(), ..Start::default() })
}

#[test]
fn too_few_files_are_refused_in_words() {
    let told = node(100).map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("may have 100 files open"), "{told}");
    assert!(told.contains("ulimit -Hn"), "{told}");
}

#[tokio::test]
async fn few_files_mean_fewer_clients() -> Result<()> {
    let node = node(300)?;
    let since = Instant::now();
    // What is logged is written by a thread of its own.
    while !node.log()?.contains("fewer clients may connect") {
        assert!(since.elapsed() < TOLD_MAX, "{}", node.log()?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(node.log()?.contains("75"), "{}", node.log()?);
    let idle: Vec<_> = (0..100)
        .map(|_| std::net::TcpStream::connect(node.target().address))
        .collect::<Result<_, _>>()?;
    let mut client = Client::connect(&node.target()).await?;
    assert_eq!(client.call(Ask::new(Method::PUT, "/village")).await?.status, StatusCode::OK);
    let plan = Ask::new(Method::PUT, "/village/plan").body(vec![7; 1 << 20]);
    assert_eq!(client.call(plan).await?.status, StatusCode::OK);
    node.essaim(&["status"])?;
    drop(idle);
    Ok(())
}

/// Lets the node have so many files open; as many as this process may, if not told.
fn files_allow(node: &Node, files: Option<u64>) -> Result<()> {
    let own = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: files.or(own.current), ..own };
    let id = Pid::from_raw(i32::try_from(node.process_id())?);
    prlimit(id, Resource::Nofile, limit)?;
    Ok(())
}

#[tokio::test]
async fn too_many_open_files_are_no_failed_disk() -> Result<()> {
    let node = Node::start()?;
    let mut client = Client::connect(&node.target()).await?;
    assert_eq!(client.call(Ask::new(Method::PUT, "/village")).await?.status, StatusCode::OK);
    // No number is below this, so nothing more can be opened.
    files_allow(&node, Some(1))?;
    let plan = Ask::new(Method::PUT, "/village/plan").body(vec![7; 1 << 20]);
    let refused = client.call(plan.clone()).await?;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text());
    assert!(!refused.text().contains("disk"), "{}", refused.text());
    files_allow(&node, None)?;
    let mut client = Client::connect(&node.target()).await?;
    assert_eq!(client.call(plan).await?.status, StatusCode::OK);
    let status = node.essaim_json(&["status"])?;
    let disk = status.pointer("/disks/0/state").context("no disk")?;
    assert_eq!(disk, "healthy", "{status}");
    let log = node.log()?;
    assert!(!log.contains("disk failed") && !log.contains("poisoned"), "{log}");
    Ok(())
}

#[test]
fn a_node_that_says_nothing_is_not_waited_for_without_end() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let silent = std::os::unix::net::UnixListener::bind(folder.path().join("admin.sock"))?;
    let since = Instant::now();
    let output = std::process::Command::new(binary()?)
        .args(["status", "--data"])
        .arg(folder.path())
        .output()?;
    drop(silent);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("did not answer within 10 s"), "{told}");
    assert!(since.elapsed() < Duration::from_secs(30));
    Ok(())
}
