//! A key that is revoked at one site writes nothing at any other from the answer on, though
//! small writes ask nobody before they are sent (decision 0023).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use blackbox::sites::Cluster;
use blackbox::{Ask, Client, Target};
use http::{Method, StatusCode};

/// Each site revokes twice.
const ROUNDS: usize = 6;
/// How long the key is good for, once every site has seen it.
const GOOD_FOR: Duration = Duration::from_millis(150);
/// How long it is tried afterwards.
const TRIED_FOR: Duration = Duration::from_millis(300);
/// How many of a client's refused writes are looked for.
const LOOKED_FOR: usize = 20;
/// Small enough to lie in the catalog, so that nobody is asked first.
const OBJECT_BYTES: usize = 6_000;

/// One write of a client.
struct Write {
    key: String,
    began: Instant,
    status: StatusCode,
}

#[tokio::main(flavor = "current_thread")]
async fn writes(
    target: Target,
    site: usize,
    round: usize,
    ends: Arc<AtomicBool>,
) -> Result<Vec<Write>> {
    let mut client = Client::connect(&target).await?;
    let mut writes = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        let key = format!("/actes/{round}-{site}-{}", writes.len());
        let began = Instant::now();
        let answer = client.call(Ask::new(Method::PUT, &key).body(body(&key))).await;
        match answer {
            Ok(answer) => writes.push(Write { key, began, status: answer.status }),
            // A refused upload may end the connection.
            Err(_) => client = Client::connect(&target).await?,
        }
    }
    Ok(writes)
}

/// What an object of this name consists of.
fn body(key: &str) -> Vec<u8> {
    key.bytes().cycle().take(OBJECT_BYTES).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn asked(target: &Target, ask: Ask) -> Result<(StatusCode, Vec<u8>)> {
    let answer = Client::connect(target).await?.call(ask).await?;
    Ok((answer.status, answer.body))
}

type Writer = JoinHandle<Result<Vec<Write>>>;

fn ended(writer: Writer) -> Result<Vec<Write>> {
    writer.join().map_err(|_| anyhow!("a writer panicked"))?
}

#[test]
fn a_key_revoked_at_one_site_writes_nothing_at_any_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(None, folder.path(), 3, None)?;
    let nodes = cluster.nodes();
    let tenant = nodes[0].tenant().to_owned();
    nodes[0].essaim(&["bucket", "create", "actes", "--tenant", &tenant])?;
    let (mut taken, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let made = nodes[0].essaim_json(&["key", "create", "--tenant", &tenant])?;
        let text = |name: &str| made[name].as_str().context("no key");
        let (id, secret) = (text("access_key_id")?, text("secret_access_key")?);
        let ends = Arc::new(AtomicBool::new(false));
        let with_key = |target: Target| Target {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            ..target
        };
        let writer = |(site, node): (usize, &blackbox::Node)| {
            let (target, ends) = (with_key(node.target()), Arc::clone(&ends));
            spawn(move || writes(target, site, round, ends))
        };
        let writers: Vec<Writer> = nodes.iter().enumerate().map(writer).collect();
        sleep(GOOD_FOR);
        nodes[round % nodes.len()].essaim(&["key", "revoke", "--tenant", &tenant, id])?;
        let revoked = Instant::now();
        sleep(TRIED_FOR);
        ends.store(true, Ordering::Relaxed);
        for (site, writer) in writers.into_iter().enumerate() {
            let written = ended(writer)?;
            let late: Vec<&Write> = written.iter().filter(|write| write.began > revoked).collect();
            ensure!(!late.is_empty(), "site {site} was not tried after the key was revoked");
            for write in &written {
                let is_refused = write.status == StatusCode::FORBIDDEN;
                ensure!(
                    is_refused || write.status.is_success() && write.began <= revoked,
                    "round {round}, site {site}: {} {:?} after the key was revoked: {}",
                    write.key,
                    write.began.saturating_duration_since(revoked),
                    write.status
                );
            }
            let (sent_back, stored): (Vec<_>, Vec<_>) =
                written.iter().partition(|write| write.status == StatusCode::FORBIDDEN);
            let elsewhere = nodes[(site + 1) % nodes.len()].target();
            for write in &stored {
                let (_, found) = asked(&elsewhere, Ask::new(Method::GET, &write.key))?;
                ensure!(found == body(&write.key), "{} is not what was sent", write.key);
            }
            // The first were under way while the key was revoked.
            for write in sent_back.iter().take(LOOKED_FOR) {
                let (status, _) = asked(&elsewhere, Ask::new(Method::HEAD, &write.key))?;
                ensure!(status == StatusCode::NOT_FOUND, "{} is there: {status}", write.key);
            }
            taken += stored.len();
            refused += sent_back.len();
        }
    }
    println!("{taken} writes taken, {refused} refused");
    ensure!(taken >= ROUNDS * nodes.len(), "each site wrote with each key: {taken}");
    Ok(())
}
