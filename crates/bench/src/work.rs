//! The works of the contract's speed table.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use blackbox::{Answer, Ask, Client, Target};
use bytes::Bytes;
use http::Method;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::BUCKET;

const LARGE_BYTES: usize = 64 * 1024 * 1024;
const LARGE_COUNT: usize = 8;
const LARGE_CLIENTS: usize = 4;
const SMALL_BYTES: usize = 4 * 1024;
const SMALL_CLIENTS: usize = 16;
const ALONE_COUNT: usize = 500;
const RANGE_BYTES: u64 = 64 * 1024;
const GET_COUNT: usize = 5_000;
const HEAD_COUNT: usize = 20_000;
const RANGE_COUNT: usize = 5_000;
const LIST_ROUNDS: usize = 50;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// 64 MiB objects in, 4 clients.
    PutLarge,
    /// The same objects out, whole.
    GetLarge,
    /// 64 KiB ranges of them at random places, 16 clients.
    GetRange,
    /// 4 KiB objects in, 16 clients.
    PutSmall,
    /// The same out.
    GetSmall,
    /// 4 KiB objects in, one client: what one that waits for each answer sees.
    PutAlone,
    /// The same out.
    GetAlone,
    /// The heads of the small objects.
    Head,
    /// The whole bucket listed, one client.
    List,
    /// The small objects deleted one by one, 16 clients.
    Delete,
}

/// Where the clients of a work connect.
pub struct Targets {
    first: Target,
    others: Vec<Target>,
}

impl Targets {
    /// These nodes, in turn; at least one.
    pub fn new(mut nodes: Vec<Target>) -> Result<Self> {
        ensure!(!nodes.is_empty(), "no node to connect to");
        let first = nodes.remove(0);
        Ok(Self { first, others: nodes })
    }

    /// The first of them.
    pub const fn first(&self) -> &Target {
        &self.first
    }

    /// The node of the client with this number.
    fn of(&self, client: usize) -> &Target {
        let turn = client % (self.others.len() + 1);
        turn.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first)
    }
}

/// What one side did in one round.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Requests, objects listed, or bytes, by the work's unit, per second.
    pub per_second: f64,
    /// Median time of a request.
    pub median: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// Processor time of the server, all its threads, per request.
    pub server_time: Duration,
    /// Requests made.
    pub requests: u32,
    unit: &'static str,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(
            f,
            "{:>10.0} {} (p50 {:.2} ms, p99 {:.2} ms, {:.0} µs of server CPU)",
            self.per_second,
            self.unit,
            ms(self.median),
            ms(self.p99),
            ms(self.server_time) * 1e3,
        )
    }
}

impl Work {
    /// In the order in which they prepare each other.
    pub const ALL: &[Self] = &[
        Self::PutLarge,
        Self::GetLarge,
        Self::GetRange,
        Self::PutSmall,
        Self::GetSmall,
        Self::PutAlone,
        Self::GetAlone,
        Self::Head,
        Self::List,
        Self::Delete,
    ];

    /// As the table calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PutLarge => "put 64 MiB",
            Self::GetLarge => "get 64 MiB",
            Self::GetRange => "get 64 KiB range",
            Self::PutSmall => "put 4 KiB",
            Self::GetSmall => "get 4 KiB",
            Self::PutAlone => "put 4 KiB, 1 client",
            Self::GetAlone => "get 4 KiB, 1 client",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }

    /// The work whose objects this one reads or deletes.
    pub const fn needs(self) -> Option<Self> {
        match self {
            Self::PutLarge | Self::PutSmall | Self::PutAlone => None,
            Self::GetAlone => Some(Self::PutAlone),
            Self::GetLarge | Self::GetRange => Some(Self::PutLarge),
            Self::GetSmall | Self::Head | Self::List | Self::Delete => Some(Self::PutSmall),
        }
    }

    /// Does the work once; `objects` is how many small ones there are.
    pub async fn run(self, targets: &Targets, round: usize, objects: usize) -> Result<Measure> {
        match self {
            Self::PutLarge => {
                let body = noise(LARGE_BYTES, round);
                let put = move |n: usize| put(&format!("large-{n}"), body.clone());
                self.measure(targets, LARGE_CLIENTS, LARGE_COUNT, "MB/s", put).await
            }
            Self::GetLarge => {
                let get = |n: usize| get(&format!("large-{n}"), LARGE_BYTES);
                self.measure(targets, LARGE_CLIENTS, LARGE_COUNT, "MB/s", get).await
            }
            Self::GetRange => {
                let get = move |n: usize| range(n, round);
                self.measure(targets, SMALL_CLIENTS, RANGE_COUNT, "op/s", get).await
            }
            Self::PutSmall => {
                let body = noise(SMALL_BYTES, round);
                let put = move |n: usize| put(&small(n), body.clone());
                self.measure(targets, SMALL_CLIENTS, objects, "op/s", put).await
            }
            Self::GetSmall => {
                let get = move |n: usize| get(&small(n % objects), SMALL_BYTES);
                self.measure(targets, SMALL_CLIENTS, GET_COUNT, "op/s", get).await
            }
            Self::PutAlone => {
                let body = noise(SMALL_BYTES, round);
                let put = move |n: usize| put(&alone(n), body.clone());
                self.measure(targets, 1, ALONE_COUNT, "op/s", put).await
            }
            Self::GetAlone => {
                let get = |n: usize| get(&alone(n), SMALL_BYTES);
                self.measure(targets, 1, ALONE_COUNT, "op/s", get).await
            }
            Self::Head => {
                let head = move |n: usize| plain(Method::HEAD, n % objects);
                self.measure(targets, SMALL_CLIENTS, HEAD_COUNT, "op/s", head).await
            }
            Self::List => list(targets, objects).await,
            Self::Delete => {
                let delete = |n: usize| plain(Method::DELETE, n);
                self.measure(targets, SMALL_CLIENTS, objects, "op/s", delete).await
            }
        }
    }

    async fn measure(
        self,
        targets: &Targets,
        clients: usize,
        count: usize,
        unit: &'static str,
        want: impl Fn(usize) -> Want + Send + Sync + 'static,
    ) -> Result<Measure> {
        let next = Arc::new(AtomicUsize::new(0));
        let want = Arc::new(want);
        let mut connections = Vec::new();
        for client in 0..clients {
            connections.push(Client::connect(targets.of(client)).await?);
        }
        let start = Instant::now();
        let mut workers = tokio::task::JoinSet::new();
        for mut client in connections {
            let (next, want) = (Arc::clone(&next), Arc::clone(&want));
            workers.spawn(async move {
                let mut times = Vec::new();
                let mut bytes = 0;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return anyhow::Ok((times, bytes));
                    }
                    let want = want(n);
                    let sent = want.ask.body.len() as u64;
                    let start = Instant::now();
                    let answer = client.count(want.ask).await?;
                    times.push(start.elapsed());
                    ensure_good(&answer, want.length)?;
                    bytes += sent + answer.length;
                }
            });
        }
        let mut times = Vec::new();
        let mut bytes = 0;
        while let Some(done) = workers.join_next().await {
            let (more, moved) = done??;
            times.extend(more);
            bytes += moved;
        }
        let seconds = start.elapsed().as_secs_f64();
        let amount = if unit == "MB/s" { as_f64(bytes) / 1e6 } else { as_f64(count as u64) };
        Ok(summary(amount / seconds, times, unit))
    }
}

/// A read of one object that must be this long.
fn get(key: &str, length: usize) -> Want {
    Want { ask: Ask::new(Method::GET, path(key)), length: Some(length as u64) }
}

fn put(key: &str, body: Bytes) -> Want {
    Want { ask: Ask::new(Method::PUT, path(key)).body(body), length: None }
}

/// 64 KiB of a large object, elsewhere on each request but the same on both sides.
fn range(n: usize, round: usize) -> Want {
    let mut random = ChaCha12Rng::seed_from_u64((n + round * RANGE_COUNT) as u64);
    let first = random.random_range(0..LARGE_BYTES as u64 - RANGE_BYTES);
    let mut want = get(&format!("large-{}", n % LARGE_COUNT), 0);
    want.ask = want.ask.range(first, first + RANGE_BYTES - 1);
    want.length = Some(RANGE_BYTES);
    want
}

fn plain(method: Method, n: usize) -> Want {
    Want { ask: Ask::new(method, path(&small(n))), length: None }
}

/// One request of a work, and how long its answer must be.
struct Want {
    ask: Ask,
    length: Option<u64>,
}

fn path(key: &str) -> String {
    format!("/{BUCKET}/{key}")
}

fn ensure_good(answer: &Answer, wanted: Option<u64>) -> Result<()> {
    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    ensure!(wanted.is_none_or(|length| length == answer.length), "{} bytes came", answer.length);
    Ok(())
}

async fn list(targets: &Targets, objects: usize) -> Result<Measure> {
    let mut client = Client::connect(targets.first()).await?;
    let mut times = Vec::new();
    let mut keys = 0;
    for _ in 0..LIST_ROUNDS {
        let mut token: Option<String> = None;
        loop {
            let query = match &token {
                None => "list-type=2&max-keys=1000".to_owned(),
                Some(token) => {
                    format!("continuation-token={}&list-type=2&max-keys=1000", encode(token))
                }
            };
            let page = Instant::now();
            let ask = Ask::new(Method::GET, format!("/{BUCKET}")).query(query);
            let answer = client.call(ask).await?;
            times.push(page.elapsed());
            ensure_good(&answer, None)?;
            let text = answer.text();
            keys += text.matches("<Key>").count() as u64;
            token = continuation(&text);
            if token.is_none() {
                break;
            }
        }
    }
    // What is waited for; counting the keys is this program's work, not the server's.
    let seconds: f64 = times.iter().map(Duration::as_secs_f64).sum();
    ensure!(keys >= (objects * LIST_ROUNDS) as u64, "the list is short: {keys} keys");
    Ok(summary(as_f64(keys) / seconds, times, "objects/s"))
}

/// The token of the next page, if there is one.
fn continuation(text: &str) -> Option<String> {
    let token = text.split("<NextContinuationToken>").nth(1)?.split('<').next()?;
    Some(token.to_owned())
}

fn summary(per_second: f64, mut times: Vec<Duration>, unit: &'static str) -> Measure {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    let requests = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let server_time = Duration::ZERO;
    Measure { per_second, median: at(50), p99: at(99), server_time, requests, unit }
}

/// Percent-encodes all but unreserved characters, as canonical queries want it.
fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}

fn small(n: usize) -> String {
    format!("small/{:02}/{n:06}", n % 50)
}

fn alone(n: usize) -> String {
    format!("alone/{n:06}")
}

/// Bytes that do not compress, other ones each round.
fn noise(length: usize, round: usize) -> Bytes {
    let mut bytes = vec![0; length];
    ChaCha12Rng::seed_from_u64(round as u64).fill_bytes(&mut bytes);
    bytes.into()
}

#[expect(clippy::cast_precision_loss, reason = "rates need three digits, not sixteen")]
pub fn as_f64(count: u64) -> f64 {
    count as f64
}
