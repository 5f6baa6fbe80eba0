//! Reads, writes and deletes of random sizes, each with its outcome remembered.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use blackbox::{Ask, Client, Target};
use http::{Method, StatusCode};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::expected::{Contents, Expected, Loss};

/// The bucket every campaign writes to.
pub const BUCKET: &str = "faults";

/// Keys per worker; few, so that they are overwritten and deleted often.
const KEYS: u64 = 40;

/// How long a worker waits for an answer; after that the outcome is unknown.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a worker did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Operations acknowledged.
    pub acknowledged: u64,
    /// Operations refused with an answer.
    pub refused: u64,
    /// Operations without an answer.
    pub unknown: u64,
}

impl Tally {
    /// Adds another worker's.
    pub fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unknown += other.unknown;
    }
}

/// Makes the bucket unless it is there.
pub async fn bucket_create(target: &Target) -> Result<()> {
    let mut client = Client::connect(target).await?;
    let answer = client.call(Ask::new(Method::PUT, format!("/{BUCKET}"))).await?;
    let there = answer.status.is_success() || answer.status == StatusCode::CONFLICT;
    ensure!(there, "{}: {}", answer.status, answer.text());
    Ok(())
}

/// Sizes around the boundaries of the storage path, most of them small.
fn length(random: &mut ChaCha8Rng) -> usize {
    match random.random_range(0..20) {
        0..=9 => random.random_range(0..=8 * 1024),
        10..=15 => random.random_range(8 * 1024..=300 * 1024),
        16..=18 => random.random_range(300 * 1024..=1 << 20),
        _ => random.random_range(1 << 20..=9 << 20),
    }
}

/// How much a worker does.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Decides sizes and keys.
    pub seed: u64,
    /// Operations, at most.
    pub operations: u64,
    /// Longest object.
    pub length_max: usize,
}

/// One worker: its own keys, its own connection, until the server goes away or
/// the number of operations is reached.
pub async fn work(
    target: Target,
    worker: usize,
    load: Load,
    mut expected: Expected,
) -> (Expected, Tally) {
    let mut random = ChaCha8Rng::seed_from_u64(load.seed);
    let mut tally = Tally::default();
    let Ok(mut client) = Client::connect(&target).await else { return (expected, tally) };
    for _ in 0..load.operations {
        let key = format!("{worker}/{:03}", random.random_range(0..KEYS));
        let path = format!("/{BUCKET}/{key}");
        let (ask, state) = if random.random_range(0..6) == 0 {
            (Ask::new(Method::DELETE, path), None)
        } else {
            let contents = Contents {
                seed: random.random(),
                length: length(&mut random).min(load.length_max),
            };
            (Ask::new(Method::PUT, path).body(contents.bytes()), Some(contents))
        };
        expected.sent(&key, state);
        let answer = tokio::time::timeout(PATIENCE, client.call(ask)).await;
        match answer.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer"))) {
            Ok(answer) if answer.status.is_success() => {
                expected.acknowledged(&key, state);
                tally.acknowledged += 1;
            }
            // A server error may come after the effect (a time-out does); only a 4xx is a clear no.
            Ok(answer) if answer.status.is_client_error() => {
                expected.refused(&key, state);
                tally.refused += 1;
            }
            Ok(_) => tally.refused += 1,
            Err(_) => {
                tally.unknown += 1;
                match Client::connect(&target).await {
                    Ok(again) => client = again,
                    Err(_) => break,
                }
            }
        }
    }
    (expected, tally)
}

/// Reads every key back and returns those that are not as acknowledged.
pub async fn verify(target: &Target, expected: &mut Expected) -> Result<Vec<Loss>> {
    let mut client = Client::connect(target).await?;
    let mut losses = Vec::new();
    for key in expected.keys() {
        let answer = client.call(Ask::new(Method::GET, format!("/{BUCKET}/{key}"))).await?;
        let found = match answer.status {
            StatusCode::OK => Some(answer.body.as_slice()),
            StatusCode::NOT_FOUND => None,
            other => bail!("reading {key}: {other} {}", answer.text()),
        };
        if let Err(loss) = expected.check(&key, found) {
            losses.push(loss);
        }
    }
    Ok(losses)
}

/// Fails with the list if anything was lost.
pub fn ensure_none(losses: &[Loss], when: &str) -> Result<()> {
    let list: Vec<String> = losses.iter().map(ToString::to_string).collect();
    ensure!(
        losses.is_empty(),
        "{when}, {} keys are not as acknowledged:\n  {}",
        list.len(),
        list.join("\n  ")
    );
    Ok(())
}
