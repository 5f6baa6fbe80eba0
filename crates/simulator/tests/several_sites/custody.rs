//! A site that lies about what it keeps is found, and what it lacks is repaired.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use caretaker::limits::CUSTODY_RANGE_BYTES;
use catalog::{Custody, CustodyProof, CustodyVerdict};
use fragments::testing::Lie;
use fragments::{Fragment, FragmentName, Listed};
use objects::ObjectName;
use steward::custody_is_signed;

use super::cluster::{Cluster, node};

/// More than as often as answers are told to the catalog.
const ROUND: Duration = Duration::from_mins(11);

/// The site that does what it should not.
const HOSTILE: u8 = 3;

/// Objects, and so parts; each has a fragment at each site.
const PARTS: u8 = 8;

/// Rounds within which all of these are asked for, but in one of a thousand million.
const ROUNDS_MAX: u32 = 250;

/// What a site does to its fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Nothing,
    Deletes,
    /// A bit is another, and the checksums are made anew.
    Alters,
    /// The bytes of another of its fragments, under this name.
    Swaps,
    /// It keeps the first half.
    Shortens,
}

/// What is done, what is said of it, and what must be found.
const MATRIX: &[(Deed, Lie, CustodyVerdict)] = &[
    (Deed::Deletes, Lie::None, CustodyVerdict::Missing),
    (Deed::Deletes, Lie::OtherBytes, CustodyVerdict::Wrong),
    (Deed::Deletes, Lie::OldAnswer, CustodyVerdict::Forged),
    (Deed::Deletes, Lie::OldHash, CustodyVerdict::Wrong),
    (Deed::Alters, Lie::None, CustodyVerdict::Wrong),
    (Deed::Alters, Lie::OldAnswer, CustodyVerdict::Forged),
    (Deed::Swaps, Lie::None, CustodyVerdict::Wrong),
    (Deed::Shortens, Lie::OldHash, CustodyVerdict::Wrong),
    (Deed::Nothing, Lie::OtherBytes, CustodyVerdict::Wrong),
    (Deed::Nothing, Lie::WrongKey, CustodyVerdict::Forged),
];

/// Sites with objects, all settled, of which each was asked often enough that old answers
/// are known.
async fn cluster(seed: u64, sites: u8) -> Result<(Cluster, Vec<(ObjectName, Bytes)>)> {
    let cluster = Cluster::of(seed, sites).await?;
    let mut stored = Vec::new();
    for number in 0..PARTS {
        let name = ObjectName::new("actes", &format!("acte-{number}"))?;
        let byte = |at: u32| at.wrapping_mul(2_654_435_761).to_be_bytes()[0] ^ number;
        let body: Bytes = (0..8_500).map(byte).collect::<Vec<u8>>().into();
        cluster.running.put(&name, body.clone()).await?;
        stored.push((name, body));
    }
    Ok((cluster, stored))
}

/// One question to each site, and what is kept of the hostile one after it.
async fn round(cluster: &Cluster) -> Result<Option<Custody>> {
    cluster.site.clock.advance(ROUND);
    // Drawing comes in between.
    for _ in 0..100 {
        if !cluster.running.steward.custody_step().await? {
            break;
        }
    }
    Ok(cluster.running.consensus.view().custody(node(HOSTILE))?)
}

/// Asks until each range of the hostile site was asked for once: there is an old answer to
/// any question.
async fn all_asked(cluster: &Cluster) -> Result<()> {
    let disk = *cluster.disks_of(HOSTILE).first().context("a disk")?;
    let store = cluster.store_of(HOSTILE).context("a store")?;
    let listed = store.list(disk, None, 1_000);
    let ranges = |one: &Listed| one.bytes.get().div_ceil(CUSTODY_RANGE_BYTES as u64);
    let ranges: u64 = listed.iter().map(ranges).sum();
    let mut asked = BTreeSet::new();
    for _ in 0..4 * ROUNDS_MAX {
        let kept = round(cluster).await?;
        if let Some(last) = kept.and_then(|kept| kept.last) {
            asked.insert((last.statement.part, last.statement.start));
        }
        if asked.len() as u64 >= ranges {
            return Ok(());
        }
    }
    anyhow::bail!("only {} of {ranges} ranges were asked for", asked.len())
}

/// What the hostile site has.
fn fragments(cluster: &Cluster) -> Result<Vec<FragmentName>> {
    let disk = *cluster.disks_of(HOSTILE).first().context("a disk")?;
    Ok(cluster.held(HOSTILE, disk))
}

/// Does it to all but the last fragment of the site; which they are.
async fn done(cluster: &Cluster, deed: Deed) -> Result<BTreeSet<FragmentName>> {
    let disk = *cluster.disks_of(HOSTILE).first().context("a disk")?;
    let store = cluster.store_of(HOSTILE).context("a store")?;
    let names = fragments(cluster)?;
    let (last, rest) = names.split_last().context("fragments")?;
    let other = store.read_whole(disk, *last).await?.payload;
    for name in rest {
        let Fragment { header, payload } = store.read_whole(disk, *name).await?;
        let payload = match deed {
            Deed::Nothing => continue,
            Deed::Deletes => {
                store.remove(disk, vec![*name]).await?;
                continue;
            }
            Deed::Alters => {
                let flipped: Vec<u8> = payload.iter().map(|byte| byte ^ 1).collect();
                flipped.into()
            }
            Deed::Swaps => other.clone(),
            Deed::Shortens => {
                store.remove(disk, vec![*name]).await?;
                payload.slice(..payload.len() / 2)
            }
        };
        store.append(disk, Fragment { header, payload }).await?;
    }
    Ok(rest.iter().copied().collect())
}

fn name_of(proof: &CustodyProof) -> FragmentName {
    let said = proof.statement;
    FragmentName { part: said.part, stripe: said.stripe, fragment: said.fragment }
}

/// One line of the matrix: how many fragments were found, of how many.
async fn line(
    seed: u64,
    sites: u8,
    (deed, lie, verdict): (Deed, Lie, CustodyVerdict),
) -> Result<(usize, usize)> {
    let (cluster, stored) = cluster(seed, sites).await?;
    all_asked(&cluster).await?;
    ensure!(round(&cluster).await?.is_some_and(|kept| kept.failures.is_empty()), "all held");
    let mut wrong = done(&cluster, deed).await?;
    cluster.lie_set(HOSTILE, lie);
    let all = wrong.len();
    let mut found = BTreeMap::new();
    let before = cluster.running.consensus.view().custody(node(HOSTILE))?.context("a row")?;
    let mut held = before.held;
    for _ in 0..ROUNDS_MAX {
        let kept = round(&cluster).await?.context("a row")?;
        for failure in &kept.failures {
            let name = name_of(failure);
            // It has no old answer to a range that it is asked for the first time.
            let is_new = lie == Lie::OldAnswer && failure.verdict == CustodyVerdict::Wrong;
            ensure!(failure.verdict == verdict || is_new, "{failure:?}");
            let is_forged = failure.verdict == CustodyVerdict::Forged;
            ensure!(custody_is_signed(failure) != is_forged, "{failure:?}");
            if wrong.remove(&name) {
                found.insert(name, *failure);
            }
        }
        let last = kept.last.context("an answer that held")?;
        ensure!(kept.held == held || !wrong.contains(&name_of(&last)), "accepted: {last:?}");
        held = kept.held;
        if wrong.is_empty() {
            break;
        }
    }
    let found = found.len();
    // Repaired, whatever is said meanwhile; and nobody else is accused.
    cluster.lie_set(HOSTILE, Lie::None);
    cluster.repaired().await?;
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    as_written(&cluster).await?;
    for kept in cluster.running.consensus.view().custodies()? {
        ensure!(kept.node == node(HOSTILE) || kept.failures.is_empty(), "{kept:?}");
    }
    cluster.stop().await;
    Ok((found, all))
}

/// The fragments of the hostile site are what the others say they must be: each of its
/// fragments is asked for once more, and holds.
async fn as_written(cluster: &Cluster) -> Result<()> {
    let before = round(cluster).await?.context("a row")?;
    for _ in 0..40 {
        let kept = round(cluster).await?.context("a row")?;
        ensure!(kept.failed == before.failed, "{:?}", kept.failures.last());
    }
    let after = round(cluster).await?.context("a row")?;
    ensure!(after.held > before.held + 30, "{} then {}", before.held, after.held);
    Ok(())
}

/// The whole matrix, with copies and with parity.
pub async fn matrix() -> Result<()> {
    for sites in [3, 5] {
        for (seed, one) in (100..).zip(MATRIX) {
            let told = format!("{sites} sites, {one:?}");
            let (found, all) = line(seed, sites, *one).await.context(told.clone())?;
            println!("{told}: {found} of {all} found, accepted 0, repaired");
            ensure!(found == all && all > 0, "{told}: {found} of {all} found");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_site_does_to_its_fragments_is_found_and_repaired() -> Result<()> {
    matrix().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_challenges_is_not_accused_and_is_told_of() -> Result<()> {
    let (cluster, _) = cluster(7, 3).await?;
    round(&cluster).await?;
    cluster.lie_set(HOSTILE, Lie::Silence);
    for _ in 0..5 {
        round(&cluster).await?;
    }
    let kept = round(&cluster).await?.context("a row")?;
    ensure!(kept.failures.is_empty() && kept.silent >= 5, "{kept:?}");
    cluster.lie_set(HOSTILE, Lie::None);
    round(&cluster).await?;
    let kept = round(&cluster).await?.context("a row")?;
    ensure!(kept.silent == 0, "{kept:?}");
    // Who is away leaves nothing unanswered.
    cluster.cut(HOSTILE);
    cluster.until(HOSTILE, false).await?;
    for _ in 0..3 {
        round(&cluster).await?;
    }
    ensure!(round(&cluster).await?.context("a row")?.silent == 0, "it is away");
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_that_differ_accuse_nobody() -> Result<()> {
    let (cluster, _) = cluster(8, 3).await?;
    cluster.drain(2, true).await?;
    let name = ObjectName::new("actes", "two")?;
    cluster.running.put(&name, Bytes::from(vec![9; 20_000])).await?;
    done(&cluster, Deed::Alters).await?;
    // Of the others there are three copies: there it is known who is wrong.
    for _ in 0..60 {
        round(&cluster).await?;
        for kept in cluster.running.consensus.view().custodies()? {
            ensure!(kept.node == node(HOSTILE) || kept.failures.is_empty(), "{kept:?}");
        }
    }
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_percent_that_is_deleted_is_found_in_a_cluster() -> Result<()> {
    const OBJECTS: u8 = 200;
    const RUNS: u64 = 4;
    let mut longest = 0;
    for seed in 0..RUNS {
        let cluster = Cluster::of(400 + seed, 3).await?;
        for number in 0..OBJECTS {
            let name = ObjectName::new("actes", &format!("acte-{number}"))?;
            cluster.running.put(&name, Bytes::from(vec![number; 8_500])).await?;
        }
        round(&cluster).await?;
        let disk = *cluster.disks_of(HOSTILE).first().context("a disk")?;
        let names = fragments(&cluster)?;
        ensure!(names.len() == usize::from(OBJECTS), "{} fragments", names.len());
        let gone: Vec<_> = names.iter().skip(50).take(names.len() / 100).copied().collect();
        cluster.store_of(HOSTILE).context("a store")?.remove(disk, gone).await?;
        let mut questions = 0;
        while round(&cluster).await?.is_none_or(|kept| kept.failures.is_empty()) {
            questions += 1;
            ensure!(questions < 2_000, "not found by {questions} questions");
        }
        longest = longest.max(questions);
        println!("2 of {OBJECTS} fragments that are gone: found by {} questions", questions + 1);
        cluster.stop().await;
    }
    println!("{RUNS} runs, at most {} questions", longest + 1);
    Ok(())
}
