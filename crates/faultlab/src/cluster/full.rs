//! Sites whose disks are full: filled by what clients write, and what such a site does for
//! the clients that ask it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client};
use http::{Method, StatusCode};

use super::lab::Lab;
use super::people::{self, BUCKET, Shared};
use crate::expected::{Contents, Expected};
use crate::workload;

/// One object; of each stripe of 3+2 a third lies at a site.
const OBJECT_BYTES: usize = 300 * 1024;
/// More of them than fit on a small disk.
const OBJECTS: u64 = 900;
/// So many refusals in a row are enough.
const REFUSED_MAX: u32 = 20;
/// How often each thing is tried at a full site.
const TRIES: usize = 8;

/// What a full site answered, of so many tries each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answered {
    reads: usize,
    deletes: usize,
    writes: usize,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, deletes, writes } = self;
        write!(f, "of {TRIES} each it did {reads} reads, {deletes} deletes, {writes} writes")
    }
}

/// Tries everything at a site.
pub async fn tried(shared: &Arc<Shared>, site: usize) -> Result<Answered> {
    let mut answered = Answered::default();
    for number in 0..TRIES {
        let mut person = shared.client("at the full site".to_owned(), site);
        let key = people::key(number);
        answered.reads += usize::from(person.reads_here(&key).await?);
        answered.deletes += usize::from(person.deletes_here(&key).await?);
        answered.writes += usize::from(person.writes_here(&key, 100 << number).await?);
    }
    Ok(answered)
}

/// Clients fill the disks of these sites; everything can be read and deleted.
pub async fn fill(lab: &Lab, small: &[usize]) -> Result<()> {
    let targets = lab.targets()?;
    let other = (0..targets.len()).find(|site| !small.contains(site)).context("all are small")?;
    let target = targets.get(other).context("no site")?;
    let mut client = Client::connect(target).await?;
    let (mut expected, mut refused, mut in_a_row) = (Expected::default(), 0, 0);
    let mut slowest = Duration::ZERO;
    for n in 0..OBJECTS {
        let (key, contents) = (key(n), Contents { seed: n, length: OBJECT_BYTES });
        let ask = Ask::new(Method::PUT, format!("/{BUCKET}/{key}")).body(contents.bytes());
        let since = Instant::now();
        expected.sent(&key, Some(contents));
        match client.call(ask).await {
            Ok(answer) if answer.status.is_success() => {
                expected.acknowledged(&key, Some(contents));
                in_a_row = 0;
            }
            answer => {
                let status = answer.map(|answer| answer.status);
                let is_clear = status.as_ref().is_ok_and(|status| {
                    [StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE]
                        .contains(status)
                });
                ensure!(is_clear || status.is_err(), "a full cluster answered {status:?}");
                refused += 1;
                in_a_row += 1;
                client = Client::connect(target).await?;
            }
        }
        slowest = slowest.max(since.elapsed());
        if in_a_row == REFUSED_MAX {
            break;
        }
    }
    let mut free = Vec::new();
    for site in small {
        let about = rustix::fs::statvfs(lab.disk(*site)?)?;
        free.push(about.f_bavail * about.f_frsize / 1024);
    }
    println!(
        "filled by writes: {} objects of {OBJECT_BYTES} bytes sent, {refused} refused, slowest \
         answer {:.2} s; at {:?} of 64 MiB {free:?} KiB are free",
        expected.keys().len(),
        slowest.as_secs_f64(),
        small.iter().map(|site| site + 1).collect::<Vec<_>>()
    );
    let losses = workload::verify(target, &mut expected).await?;
    workload::ensure_none(&losses, "while sites are full")?;
    for key in expected.keys() {
        let answer = client.call(Ask::new(Method::DELETE, format!("/{BUCKET}/{key}"))).await?;
        ensure!(answer.status.is_success(), "delete while full: {}", answer.text());
    }
    Ok(())
}

fn key(n: u64) -> String {
    format!("fill/{n:05}")
}
