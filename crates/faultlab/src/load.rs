//! Clients that read and write in turns while something happens to the sites, and how long
//! each answer took, phase by phase.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use blackbox::{Ask, Client, Target};
use bytes::Bytes;
use http::Method;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What one read fetches and what one write stores.
const READ_BYTES: u64 = 256 << 10;
const WRITE_BYTES: usize = 64 << 10;
/// How long a client rests after each answer.
const REST: Duration = Duration::from_millis(10);
/// The phase in which clients end.
const OVER: &str = "over";

/// How long one answer took.
#[derive(Clone, Copy, Debug)]
struct Took {
    phase: &'static str,
    is_write: bool,
    time: Duration,
}

/// The clients at work.
pub struct Load {
    phase: watch::Sender<&'static str>,
    clients: Vec<JoinHandle<Result<()>>>,
    took: Arc<Mutex<Vec<Took>>>,
}

/// The half of the answers came within `p50`, all but one in a hundred within `p99`, in
/// milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// Half of them.
    pub p50: f64,
    /// All but one in a hundred.
    pub p99: f64,
    /// How many there are.
    pub count: usize,
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} / {:.1} of {}", self.p50, self.p99, self.count)
    }
}

impl Load {
    /// So many clients of these sites; what they read is `/bucket/0` and up to `objects`, of
    /// 256 KiB at least.
    pub fn begin(
        targets: &[Target],
        clients: usize,
        bucket: &'static str,
        objects: u64,
        seed: u64,
    ) -> Self {
        let (phase, phases) = watch::channel("begin");
        let took = Arc::<Mutex<Vec<Took>>>::default();
        let clients = targets.iter().cycle().take(clients).zip(0..).map(|(target, number)| {
            let client = Worker {
                target: target.clone(),
                number,
                bucket,
                objects,
                random: ChaCha8Rng::seed_from_u64(seed << 8 | number),
                phase: phases.clone(),
                took: Arc::clone(&took),
            };
            tokio::spawn(client.work())
        });
        Self { clients: clients.collect(), phase, took }
    }

    /// What is asked from now on belongs to this phase.
    pub fn enter(&self, phase: &'static str) {
        self.phase.send_replace(phase);
    }

    /// How long reads, or writes, took in a phase.
    pub fn percentiles(&self, phase: &str, is_write: bool) -> Percentiles {
        let took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |took: &&Took| took.phase == phase && took.is_write == is_write;
        let mut times: Vec<Duration> = took.iter().filter(of).map(|took| took.time).collect();
        times.sort_unstable();
        let at = |share: usize| {
            let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
            times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        Percentiles { p50: at(50), p99: at(99), count: times.len() }
    }

    /// Ends the clients; fails if one had no answer, or was refused.
    pub async fn end(self) -> Result<()> {
        self.phase.send_replace(OVER);
        for client in self.clients {
            client.await??;
        }
        Ok(())
    }
}

struct Worker {
    target: Target,
    number: u64,
    bucket: &'static str,
    objects: u64,
    random: ChaCha8Rng,
    phase: watch::Receiver<&'static str>,
    took: Arc<Mutex<Vec<Took>>>,
}

impl Worker {
    async fn work(mut self) -> Result<()> {
        let mut client = Client::connect(&self.target).await?;
        let mut body = vec![0; WRITE_BYTES];
        self.random.fill_bytes(&mut body);
        let (body, bucket) = (Bytes::from(body), self.bucket);
        for turn in 0_u64.. {
            let phase = *self.phase.borrow();
            if phase == OVER {
                break;
            }
            let is_write = turn % 2 == 1;
            let ask = if is_write {
                let key = format!("/{bucket}/new-{}-{}", self.number, turn % 64);
                Ask::new(Method::PUT, key).body(body.clone())
            } else {
                let key = format!("/{bucket}/{}", self.random.random_range(0..self.objects));
                Ask::new(Method::GET, key).range(0, READ_BYTES - 1)
            };
            let since = Instant::now();
            let answer = client.call(ask).await?;
            ensure!(answer.status.is_success(), "{phase}: {} {}", answer.status, answer.text());
            let took = Took { phase, is_write, time: since.elapsed() };
            self.took.lock().unwrap_or_else(PoisonError::into_inner).push(took);
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }
}
