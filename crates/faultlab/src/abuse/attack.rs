//! What the abusive tenant does, in a process of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use blackbox::{Ask, Client, Cut, SignedChunks, Signer, Target};
use clap::Args;
use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{CROWDED, LARGE, OBJECT_BYTES, is_expected};

/// Connections that send requests as fast as they are told to.
const CLIENTS: u64 = 50;
/// Connections that list the whole bucket, page after page, without end.
const LISTERS: u64 = 4;
/// How often a client that dawdles moves.
const DAWDLE: Duration = Duration::from_secs(1);
/// What a client that signs its chunks takes for one, and what some of them do, for
/// which room must be asked.
const CHUNK_BYTES: usize = 64 * 1024;
const LARGE_CHUNK_BYTES: usize = 1 << 20;
/// What is left of a chunk to dawdle over.
const CHUNK_REST_BYTES: usize = 16 * 1024;
/// How long what was begun has to be under way.
const WARM: Duration = Duration::from_secs(3);

/// The attack of `abuse`.
#[derive(Args)]
pub struct Attack {
    /// `HOST:PORT` of the node.
    #[arg(long)]
    address: String,
    /// The S3 region.
    #[arg(long)]
    region: String,
    /// Requests per second in all; 0: as fast as it goes.
    #[arg(long)]
    rate: u64,
    /// Clients that dawdle.
    #[arg(long)]
    slow_clients: usize,
    /// The file that says what was sent; there once everything is under way.
    #[arg(long)]
    told: PathBuf,
}

#[derive(Default)]
struct Sent {
    requests: AtomicU64,
    slowed: AtomicU64,
    lines: AtomicU64,
    cut: AtomicU64,
}

impl Attack {
    /// Attacks until killed.
    pub async fn run(self) -> Result<()> {
        let variable =
            |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        let target = Target {
            address: self.address,
            region: self.region,
            access_key_id: variable("ATTACK_KEY")?,
            secret_access_key: variable("ATTACK_SECRET")?,
        };
        let sent = Arc::new(Sent::default());
        let mut all = tokio::task::JoinSet::new();
        for number in 0..self.slow_clients {
            let (target, sent) = (target.clone(), Arc::clone(&sent));
            all.spawn(async move {
                loop {
                    let _ended = dawdle(&target, number).await;
                    sent.cut.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let every = CLIENTS.checked_mul(1_000_000).and_then(|all| all.checked_div(self.rate));
        let step = every.map(Duration::from_micros);
        for number in 0..CLIENTS {
            let (target, sent) = (target.clone(), Arc::clone(&sent));
            all.spawn(async move {
                loop {
                    let _ended = crowd(&target, number, step, &sent).await;
                }
            });
        }
        for _ in 0..LISTERS {
            let (target, sent) = (target.clone(), Arc::clone(&sent));
            all.spawn(async move {
                loop {
                    let _ended = list(&target, &sent).await;
                }
            });
        }
        tokio::time::sleep(WARM).await;
        let (count, since) = (sent.requests.load(Ordering::Relaxed), Instant::now());
        loop {
            tokio::time::sleep(DAWDLE / 2).await;
            let requests = sent.requests.load(Ordering::Relaxed) - count;
            let text = format!(
                "{} requests/s from {CLIENTS} clients, {} told to slow down; {} keys listed by {LISTERS}; \
                 {} clients dawdle, {} times cut off",
                u128::from(requests) * 1_000 / since.elapsed().as_millis().max(1),
                sent.slowed.load(Ordering::Relaxed),
                sent.lines.load(Ordering::Relaxed),
                self.slow_clients,
                sent.cut.load(Ordering::Relaxed),
            );
            let beside = self.told.with_extension("new");
            std::fs::write(&beside, text)?;
            std::fs::rename(&beside, &self.told)?;
        }
    }
}

/// Reads and writes, at a pace or without pause.
async fn crowd(target: &Target, number: u64, step: Option<Duration>, sent: &Sent) -> Result<()> {
    let mut client = Client::connect(target).await?;
    let mut due = Instant::now();
    for n in 0_u64.. {
        if let Some(step) = step {
            due += step;
            tokio::time::sleep_until(due.into()).await;
        }
        let path = format!("/{CROWDED}/mine/{number}/{}", n % 20);
        let ask = match n % 20 {
            0..=9 => Ask::new(Method::PUT, path).body(vec![9; OBJECT_BYTES]),
            10 => Ask::new(Method::GET, format!("/{CROWDED}/{LARGE}")).range(0, 1 << 20),
            _ => Ask::new(Method::GET, format!("/{CROWDED}/mine/{number}/{}", n % 10)),
        };
        let answer = client.count(ask).await?;
        sent.requests.fetch_add(1, Ordering::Relaxed);
        if !is_expected(answer.status) || !answer.status.is_success() {
            sent.slowed.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Lists the bucket from its first key to its last, in pages as large as they may
/// be, and by a delimiter that groups nearly nothing.
async fn list(target: &Target, sent: &Sent) -> Result<()> {
    let mut client = Client::connect(target).await?;
    let mut after = String::new();
    loop {
        let query = if after.is_empty() {
            "list-type=2&max-keys=1000".to_owned()
        } else {
            format!("list-type=2&max-keys=1000&start-after={after}")
        };
        let answer = client.call(Ask::new(Method::GET, format!("/{CROWDED}")).query(query)).await?;
        let text = answer.text();
        let last = text.rsplit_once("<Key>").and_then(|(_, rest)| rest.split_once("</Key>"));
        after = last.map(|(key, _)| key.replace('/', "%2F")).unwrap_or_default();
        let lines = text.matches("<Key>").count() as u64;
        sent.lines.fetch_add(lines, Ordering::Relaxed);
        let query = "delimiter=0&list-type=2&max-keys=1000";
        client.count(Ask::new(Method::GET, format!("/{CROWDED}")).query(query)).await?;
    }
}

/// One client that holds on: over a head, over a body, over a signed chunk, or over an
/// answer.
async fn dawdle(target: &Target, number: usize) -> Result<()> {
    let signer = Signer::new(
        &target.access_key_id,
        &target.secret_access_key,
        &target.region,
        &target.address,
    );
    let mut stream = TcpStream::connect(&target.address).await?;
    let signed = |method: &str, path: &str, more: &str| {
        let (stamp, authorization) = signer.sign(method, path, "");
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nx-amz-date: {stamp}\r\n\
             x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nauthorization: {authorization}\r\n{more}\r\n",
            target.address
        )
    };
    match number % 4 {
        0 => {
            stream.write_all(b"GET / HTTP/1.1\r\n").await?;
            loop {
                tokio::time::sleep(DAWDLE).await;
                stream.write_all(b"x-dawdle: 1\r\n").await?;
            }
        }
        1 => {
            let path = format!("/{CROWDED}/slow/{number}");
            let head = signed("PUT", &path, "content-length: 1048576\r\n");
            stream.write_all(head.as_bytes()).await?;
            loop {
                tokio::time::sleep(DAWDLE).await;
                stream.write_all(&[0; 64]).await?;
            }
        }
        2 => {
            let chunk_bytes = if number % 40 == 2 { LARGE_CHUNK_BYTES } else { CHUNK_BYTES };
            let cut = Cut { object_bytes: chunk_bytes, chunk_bytes, trailer: number % 8 == 2 };
            let path = format!("/{CROWDED}/chunks/{number}");
            let (mut chain, head) = SignedChunks::begin(&signer, &path, cut);
            stream.write_all(head.as_bytes()).await?;
            let chunk = chain.chunk(&vec![0; chunk_bytes]);
            let (most, rest) = chunk.split_at(chunk_bytes - CHUNK_REST_BYTES);
            stream.write_all(most).await?;
            for piece in rest.chunks(64) {
                tokio::time::sleep(DAWDLE).await;
                stream.write_all(piece).await?;
            }
            stream.shutdown().await?;
            Ok(())
        }
        _ => {
            let head = signed("GET", &format!("/{CROWDED}/{LARGE}"), "");
            stream.write_all(head.as_bytes()).await?;
            let mut piece = [0; 1_024];
            loop {
                tokio::time::sleep(DAWDLE).await;
                if stream.read(&mut piece).await? == 0 {
                    return Ok(());
                }
            }
        }
    }
}
