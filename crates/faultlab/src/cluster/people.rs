//! Clients at all sites at once: they write, read, delete and list the same keys, turn to
//! the next site when one does not help, and remember what they saw and how long it took.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use blackbox::{Answer, Ask, Client, Target};
use http::{Method, StatusCode};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::history::{History, Value};
use super::weather::Weather;
use crate::linear::Did;

/// The bucket.
pub const BUCKET: &str = "faults";
/// How long a client waits for an answer before it turns to the next site. Who is cut off
/// from the cluster but not from its clients is to say so before.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long it rests before that.
const REST: Duration = Duration::from_millis(20);
/// How long it goes on with one thing.
const GIVES_UP_AFTER: Duration = Duration::from_mins(1);
/// Keys of one listing: those that begin alike but for the last digit.
const LISTED_TOGETHER: usize = 10;

/// A thing that a client wanted, from when it first asked until it had it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Whether it wrote.
    pub is_write: bool,
    /// When it first asked.
    pub from: Duration,
    /// When it had its answer.
    pub until: Duration,
}

/// Numbers of what was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Writes and deletes that were acknowledged.
    pub acknowledged: u64,
    /// Reads and listings that were answered.
    pub reads: u64,
    /// Those of them that a site answered which was cut off, and said so.
    pub cut_off: u64,
    /// Writes without an answer, or refused in a way that leaves it open whether they were
    /// carried out.
    pub unknown: u64,
    /// Attempts that failed, of all kinds.
    pub failed: u64,
    /// Such that a site refused whose clock was too far off.
    pub skewed: u64,
}

/// What all clients share.
pub struct Shared {
    targets: Mutex<Vec<Target>>,
    keys: usize,
    weather: Arc<Weather>,
    history: Mutex<History>,
    wanted: Mutex<Vec<Wanted>>,
    tally: Mutex<Tally>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Clients of these sites, on so many keys.
    pub fn new(targets: Vec<Target>, keys: usize, weather: Arc<Weather>) -> Self {
        let (history, wanted, tally) = Default::default();
        let targets = Mutex::new(targets);
        Self { targets, keys, weather, history, wanted, tally }
    }

    /// The sites are others now; clients turn to them when theirs does not help.
    pub fn turn_to(&self, targets: Vec<Target>) {
        *lock(&self.targets) = targets;
    }

    fn targets(&self) -> usize {
        lock(&self.targets).len().max(1)
    }

    /// What was done and seen.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// How long things took.
    pub fn wanted(&self) -> Vec<Wanted> {
        lock(&self.wanted).clone()
    }

    /// Numbers so far.
    pub fn tally(&self) -> Tally {
        *lock(&self.tally)
    }

    /// From when on what was read may be of: since the site that answered was cut off from
    /// the others, if it says so, or since it was asked.
    fn asked(&self, called: Duration, answer: &Answer) -> Result<Duration> {
        let Some(since) = &answer.cut_off_since else { return Ok(called) };
        lock(&self.tally).cut_off += 1;
        let since = self.weather.at(since).with_context(|| format!("{since:?} is no instant"))?;
        Ok(since.min(called))
    }

    /// A client that begins at a site.
    pub fn client(self: &Arc<Self>, name: String, site: usize) -> Person {
        Person { shared: Arc::clone(self), name, site, connection: None }
    }
}

/// The clients at work; they end when told.
pub struct People {
    end: watch::Sender<bool>,
    workers: JoinSet<Result<()>>,
}

impl People {
    /// So many begin, each at a site.
    pub fn begin(shared: &Arc<Shared>, workers: usize, seed: u64) -> Self {
        let (end, ended) = watch::channel(false);
        let mut at_work = JoinSet::new();
        for worker in 0..workers {
            let site = worker % shared.targets();
            let mut person = shared.client(format!("worker {worker}"), site);
            let ended = ended.clone();
            let mut random = ChaCha8Rng::seed_from_u64(seed ^ (worker as u64) << 32);
            at_work.spawn(async move {
                while !*ended.borrow() {
                    person.does_something(&mut random).await?;
                    let rest = random.random_range(0..30);
                    tokio::time::sleep(Duration::from_millis(rest)).await;
                }
                Ok(())
            });
        }
        Self { end, workers: at_work }
    }

    /// Whether one has ended by itself, which is a fault.
    pub async fn failed(&mut self) -> Result<()> {
        match self.workers.try_join_next() {
            Some(ended) => ended?.and_then(|()| bail!("a client ended by itself")),
            None => Ok(()),
        }
    }

    /// They end.
    pub async fn end(mut self) -> Result<()> {
        let _ = self.end.send(true);
        while let Some(ended) = self.workers.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// One client, with one request at a time.
pub struct Person {
    shared: Arc<Shared>,
    name: String,
    site: usize,
    connection: Option<Client>,
}

/// How an attempt ended.
enum Attempt {
    Answered(Answer),
    /// Nothing was sent.
    NotSent,
    /// No answer, or one that leaves the outcome open.
    Unknown(String),
}

impl Person {
    async fn does_something(&mut self, random: &mut ChaCha8Rng) -> Result<()> {
        let key = key(random.random_range(0..self.shared.keys));
        match random.random_range(0..20) {
            0..=8 => self.reads(&key).await,
            9..=16 => self.writes(&key, length(random)).await,
            17 | 18 => self.deletes(&key).await,
            _ => self.lists(&key).await,
        }
    }

    /// Puts a new value, at whichever site takes it.
    pub async fn writes(&mut self, key: &str, about: usize) -> Result<()> {
        let from = self.shared.weather.now();
        while !self.writes_here(key, about).await? {
            self.turns(from).await?;
        }
        self.had(true, from)
    }

    /// Puts a new value at this very site; whether it was acknowledged.
    pub async fn writes_here(&mut self, key: &str, about: usize) -> Result<bool> {
        let value = self.shared.history().value(key, about);
        let ask = Ask::new(Method::PUT, format!("/{BUCKET}/{key}")).body(value.bytes());
        self.sets(key, ask, Some(value)).await
    }

    /// Deletes, at whichever site does it.
    pub async fn deletes(&mut self, key: &str) -> Result<()> {
        let from = self.shared.weather.now();
        while !self.deletes_here(key).await? {
            self.turns(from).await?;
        }
        self.had(true, from)
    }

    /// Deletes at this very site; whether it was acknowledged.
    pub async fn deletes_here(&mut self, key: &str) -> Result<bool> {
        self.sets(key, Ask::new(Method::DELETE, format!("/{BUCKET}/{key}")), None).await
    }

    /// One attempt at a write; whether it was acknowledged.
    async fn sets(&mut self, key: &str, ask: Ask, value: Option<Value>) -> Result<bool> {
        let called = self.shared.weather.now();
        let state = value.map(|value| value.id);
        let attempt = self.attempt(ask).await;
        let by = self.told();
        let now = self.shared.weather.now();
        match attempt {
            Attempt::Answered(answer) if answer.status.is_success() => {
                self.shared.history().answered(key, by, Did::Set(state), called, now);
                lock(&self.shared.tally).acknowledged += 1;
                Ok(true)
            }
            Attempt::Answered(answer) if answer.status.is_client_error() => {
                bail!("{by}: {key} was refused: {} {}", answer.status, answer.text())
            }
            Attempt::NotSent => Ok(false),
            Attempt::Answered(answer) => {
                self.open(key, state, called, answer.status.as_str());
                Ok(false)
            }
            Attempt::Unknown(why) => {
                self.open(key, state, called, &why);
                Ok(false)
            }
        }
    }

    fn open(&self, key: &str, state: Option<u64>, called: Duration, why: &str) {
        let by = format!("{} ({why})", self.told());
        self.shared.history().unknown(key, by, state, called);
        lock(&self.shared.tally).unknown += 1;
    }

    /// Reads, at whichever site answers.
    pub async fn reads(&mut self, key: &str) -> Result<()> {
        let from = self.shared.weather.now();
        while !self.reads_here(key).await? {
            self.turns(from).await?;
        }
        self.had(false, from)
    }

    /// Reads at this very site; whether it answered.
    pub async fn reads_here(&mut self, key: &str) -> Result<bool> {
        let called = self.shared.weather.now();
        let attempt = self.attempt(Ask::new(Method::GET, format!("/{BUCKET}/{key}"))).await;
        let Attempt::Answered(answer) = attempt else { return Ok(false) };
        let (by, now) = (self.told(), self.shared.weather.now());
        let called = self.shared.asked(called, &answer)?;
        let mut history = self.shared.history();
        let seen = match answer.status {
            StatusCode::OK => {
                let seen = history.read(key, &answer.body);
                let length = answer.body.len();
                Some(seen.with_context(|| {
                    format!("{by} at {now:.3?}: {key} gives {length} bytes that nobody wrote")
                })?)
            }
            StatusCode::NOT_FOUND if answer.text().contains("NoSuchKey") => None,
            other if other.is_client_error() => {
                bail!("{by}: reading {key}: {other} {}", answer.text())
            }
            _ => return Ok(false),
        };
        history.answered(key, by, Did::Saw(seen), called, now);
        lock(&self.shared.tally).reads += 1;
        Ok(true)
    }

    /// Lists the keys beside this one: what a listing does not name it saw to be absent.
    async fn lists(&mut self, key: &str) -> Result<()> {
        let from = self.shared.weather.now();
        let prefix = key.get(..key.len().saturating_sub(1)).unwrap_or_default().to_owned();
        loop {
            let called = self.shared.weather.now();
            let ask = Ask::new(Method::GET, format!("/{BUCKET}"))
                .query(format!("list-type=2&prefix={prefix}"));
            let attempt = self.attempt(ask).await;
            let (by, now) = (format!("{}, by listing", self.told()), self.shared.weather.now());
            if let Attempt::Answered(answer) = attempt
                && answer.status.is_success()
            {
                let called = self.shared.asked(called, &answer)?;
                let listed = listed(&answer.text()).map_err(|error| anyhow!("{by}: {error:#}"))?;
                let mut history = self.shared.history();
                for key in
                    (0..self.shared.keys).map(self::key).filter(|key| key.starts_with(&prefix))
                {
                    let found = listed.iter().find(|(name, _)| *name == key);
                    let seen = match found {
                        None => None,
                        Some((_, length)) => {
                            Some(history.listed(&key, *length).with_context(|| {
                                format!("{by}: {key} has a length that nobody wrote: {length}")
                            })?)
                        }
                    };
                    history.answered(&key, by.clone(), Did::Saw(seen), called, now);
                }
                lock(&self.shared.tally).reads += 1;
                drop(history);
                return self.had(false, from);
            }
            self.turns(from).await?;
        }
    }

    async fn attempt(&mut self, ask: Ask) -> Attempt {
        let target = lock(&self.shared.targets).get(self.site).cloned();
        let Some(target) = target else { return Attempt::NotSent };
        let mut client = match self.connection.take() {
            Some(client) => client,
            None => match tokio::time::timeout(PATIENCE, Client::connect(&target)).await {
                Ok(Ok(client)) => client,
                Ok(Err(_)) | Err(_) => return Attempt::NotSent,
            },
        };
        match tokio::time::timeout(PATIENCE, client.call(ask)).await {
            // By its clock the request is of another time: it did nothing.
            Ok(Ok(answer)) if is_too_skewed(&answer) => {
                lock(&self.shared.tally).skewed += 1;
                Attempt::NotSent
            }
            Ok(Ok(answer)) => {
                self.connection = Some(client);
                Attempt::Answered(answer)
            }
            Ok(Err(error)) => Attempt::Unknown(format!("{error:#}")),
            Err(_) => Attempt::Unknown("no answer".to_owned()),
        }
    }

    /// This site could not help: to the next one, unless it has been long.
    async fn turns(&mut self, from: Duration) -> Result<()> {
        lock(&self.shared.tally).failed += 1;
        let now = self.shared.weather.now();
        let waited = now.saturating_sub(from);
        ensure!(
            waited < GIVES_UP_AFTER,
            "{}: no site helped in {waited:.0?}, from {from:.1?} to {now:.1?}",
            self.told()
        );
        self.connection = None;
        self.site = (self.site + 1) % self.shared.targets();
        tokio::time::sleep(REST).await;
        Ok(())
    }

    fn had(&self, is_write: bool, from: Duration) -> Result<()> {
        let until = self.shared.weather.now();
        lock(&self.shared.wanted).push(Wanted { is_write, from, until });
        Ok(())
    }

    fn told(&self) -> String {
        format!("{} at site {}", self.name, self.site + 1)
    }
}

/// Whether the clocks of both are too far apart.
pub fn is_too_skewed(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN
        && answer.text().contains("<Code>RequestTimeTooSkewed</Code>")
}

/// The name of a key; those of one ten begin alike.
pub fn key(number: usize) -> String {
    const { assert!(LISTED_TOGETHER == 10) };
    format!("k{number:04}")
}

/// Sizes around the boundaries of the storage path, most of them small.
fn length(random: &mut ChaCha8Rng) -> usize {
    match random.random_range(0..100) {
        0..=54 => random.random_range(8..=8 * 1024),
        55..=89 => random.random_range(8 * 1024..=200 * 1024),
        90..=98 => random.random_range(200 * 1024..=600 * 1024),
        _ => random.random_range(600 * 1024..=5 << 20),
    }
}

/// Keys and lengths of a listing that is not cut.
fn listed(text: &str) -> Result<Vec<(String, usize)>> {
    fn within<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        let after = text.split_once(&format!("<{name}>"))?.1;
        Some(after.split_once(&format!("</{name}>"))?.0)
    }
    ensure!(within(text, "IsTruncated") == Some("false"), "a listing of few keys is cut: {text}");
    let mut found = Vec::new();
    for contents in text.split("<Contents>").skip(1) {
        let (key, size) = (within(contents, "Key"), within(contents, "Size"));
        let (key, size) = (key.context("no key")?, size.context("no size")?);
        found.push((key.to_owned(), size.parse()?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_listing_gives_keys_and_lengths() {
        let text = "<?xml?><ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k1\
                    </Key><ETag>e</ETag><Size>17</Size></Contents><Contents><Size>3</Size><Key>\
                    k2</Key></Contents></ListBucketResult>";
        let found = listed(text).unwrap();
        assert_eq!(found, [("k1".to_owned(), 17), ("k2".to_owned(), 3)]);
        assert!(listed("<IsTruncated>true</IsTruncated>").is_err());
    }
}
