//! What the memory of a running node holds that was stored in it before: after a start
//! and a scrub, which reads every fragment, no plaintext, not the passphrase, and not the
//! secret of a key that nobody has used since.
//!
//! The root key, under which all others are, has to be there, and whoever reads the
//! memory has it; so is the secret of the first key, whose file each start reads to write
//! down where the node listens. What is looked for here is what need not be there: a
//! dump of a node that has served nobody since its start shows no file of anybody.
//!
//! The same search finds the plaintext while it is being read, so it can fail.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Node, Signer, Start, memory_search};
use http::Method;

const PASSPHRASE: &str = "eleven-storks-over-the-mill-and-one-canary";
const CANARY_BYTES: usize = 64;
/// Any stretch of the canary that holds this much of its start is found.
const FOUND_BYTES: usize = 16;
/// More than the sockets between a reader who does not read and the node may hold.
const LARGE_BYTES: usize = 24 << 20;
const PART_BYTES: usize = 5 << 20;
/// Less than this was not the memory of a node.
const SEARCHED_BYTES_MIN: u64 = 4 << 20;
/// Longest time until a reader is being sent something.
const READ_MAX: Duration = Duration::from_secs(20);

fn start(folder: &Path) -> Result<Node> {
    let passphrase = folder.join("passphrase").into_os_string();
    let arguments = vec!["--passphrase-file".into(), passphrase];
    let folder = Some(folder.to_owned());
    Node::start_with(Start { folder, arguments, ..Start::default() })
}

/// Stores the canary: in a row of the catalog, in fragments, in a part of an upload.
async fn store(node: &Node, canary: &[u8]) -> Result<()> {
    let mut client = Client::connect(&node.target()).await?;
    let put = |path: &str, bytes: usize| {
        Ask::new(Method::PUT, path).body(canary.repeat(bytes / CANARY_BYTES))
    };
    let begin = Ask::new(Method::POST, "/letters/parts").query("uploads=");
    let asks = [
        Ask::new(Method::PUT, "/letters"),
        put("/letters/small", CANARY_BYTES),
        put("/letters/large", LARGE_BYTES),
        begin,
    ];
    let mut last = String::new();
    for ask in asks {
        let answer = client.call(ask).await?;
        last = answer.text();
        ensure!(answer.status == 200, "{last}");
    }
    let upload = last.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once('<'));
    let query = format!("partNumber=1&uploadId={}", upload.context("no upload")?.0);
    let answer = client.call(put("/letters/parts", PART_BYTES).query(query)).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    Ok(())
}

/// A reader of the large object who reads nothing of it.
fn reader(node: &Node) -> Result<TcpStream> {
    let target = node.target();
    let (id, secret) = (&target.access_key_id, &target.secret_access_key);
    let signer = Signer::new(id, secret, &target.region, &target.address);
    let (stamp, authorization) = signer.sign("GET", "/letters/large", "");
    let mut stream = TcpStream::connect(&target.address)?;
    write!(
        stream,
        "GET /letters/large HTTP/1.1\r\nhost: {}\r\nx-amz-date: {stamp}\r\n\
         x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nauthorization: {authorization}\r\n\r\n",
        target.address
    )?;
    Ok(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_stored_is_in_the_memory_of_a_node_that_only_scrubs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("passphrase"), format!("{PASSPHRASE}\n"))?;
    let mut canary = [0; CANARY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut canary)?;
    let mut node = start(folder.path())?;
    store(&node, &canary).await?;
    let tenant = node.tenant().to_owned();
    let key = node.essaim_json(&["key", "create", "--tenant", &tenant])?;
    let secret = key.get("secret_access_key").and_then(serde_json::Value::as_str);
    let secret = secret.context("no secret of a key")?;
    node.stop()?;

    let node = start(folder.path())?;
    node.essaim(&["scrub", "--now"])?;
    let scrub = node.essaim_json(&["scrub"])?;
    let read = scrub.get("bytes_checked").and_then(serde_json::Value::as_u64);
    ensure!(read.is_some_and(|bytes| bytes > LARGE_BYTES as u64), "{scrub}");
    let first = node.secret_access_key().as_bytes();
    let needles = [&canary[..FOUND_BYTES], PASSPHRASE.as_bytes(), secret.as_bytes(), first];
    let at_rest = memory_search(node.process_id(), &needles)?;
    println!("canary, passphrase, secret of a key, of the first: {at_rest:?}");
    ensure!(at_rest.bytes > SEARCHED_BYTES_MIN, "{at_rest:?}");

    let _reader = reader(&node)?;
    let since = Instant::now();
    let reading = loop {
        let reading = memory_search(node.process_id(), &needles)?;
        if reading.hits[0] > 0 || since.elapsed() > READ_MAX {
            break reading;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    println!("while it is read: {reading:?}");
    let own = memory_search(std::process::id(), &needles)?;
    ensure!(own.hits.iter().all(|hits| *hits > 0), "what is here is not found: {own:?}");
    ensure!(reading.hits[0] > 0, "the plaintext that is being read is not found: {reading:?}");
    ensure!(at_rest.hits[..3] == [0, 0, 0], "canary, passphrase, secret of a key: {at_rest:?}");
    Ok(())
}
