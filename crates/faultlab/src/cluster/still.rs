//! Objects that no client changes: what decays in them is known to the bit.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use blackbox::{Ask, Client, Target};
use http::Method;

use super::people::BUCKET;
use crate::expected::{Contents, Expected};
use crate::workload;

/// How many there are, and how long they are.
const OBJECTS: u64 = 40;
const BYTES: usize = 300 * 1024;
/// How long a cluster that has lost two sites may take to answer.
const READ_WITHIN: Duration = Duration::from_secs(20);

/// All of them.
pub struct Still(Expected);

impl Still {
    /// Puts them.
    pub async fn put(target: &Target, seed: u64) -> Result<Self> {
        let mut expected = Expected::default();
        let mut client = Client::connect(target).await?;
        for n in 0..OBJECTS {
            let contents = Contents { seed: seed << 16 | n, length: BYTES };
            let key = format!("still/{n:03}");
            let ask = Ask::new(Method::PUT, format!("/{BUCKET}/{key}")).body(contents.bytes());
            let answer = client.call(ask).await?;
            ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
            expected.acknowledged(&key, Some(contents));
        }
        Ok(Self(expected))
    }

    /// Their keys.
    pub fn keys(&self) -> Vec<String> {
        self.0.keys()
    }

    /// Reads all of them at a site; fails on the first that is not as it was put.
    pub async fn read(&self, target: &Target) -> Result<()> {
        let since = Instant::now();
        loop {
            match workload::verify(target, &mut self.0.clone()).await {
                Ok(losses) => return workload::ensure_none(&losses, "objects that nobody changed"),
                Err(error) if since.elapsed() > READ_WITHIN => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

/// What a site said of itself since its log was so long: warnings and errors, each once.
pub fn warnings(log: &str, from: usize) -> Vec<String> {
    let mut met = BTreeSet::new();
    let lines = log.get(from..).unwrap_or_default().lines();
    lines
        .filter_map(|line| {
            let (_, rest) = line.split_once("Z ")?;
            let rest = rest.trim_start();
            let is_bad = rest.starts_with("WARN") || rest.starts_with("ERROR");
            let head: String = rest.chars().take(60).collect();
            (is_bad && met.insert(head)).then(|| rest.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_since_then_are_told_once_each() {
        let before = "2026-11-23T22:55:14.539Z WARN  disk  old\n";
        let log = format!(
            "{before}  Essaim is up\n2026-11-23T22:55:15Z INFO  node  serving\n\
             2026-11-23T22:55:16Z WARN  disk  full\n2026-11-23T22:55:17Z WARN  disk  full\n\
             2026-11-23T22:55:18Z ERROR consensus  no more\n"
        );
        assert_eq!(warnings(&log, before.len()), ["WARN  disk  full", "ERROR consensus  no more"]);
    }
}
