//! Sites come, are emptied and come back, policies change, and everything moves; a judge
//! that knows nothing of the planner looks at every step.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use catalog::{PartRow, VersionAsk};
use objects::{CopyObject, CopySource, ObjectError, ObjectName, ReadConditions};
use simulator::simulator;
use units::{PartId, Random as _, SimRandom};

use super::cluster::{Cluster, site_name};

const BUCKETS: [&str; 2] = ["actes", "plans"];

/// A policy that permits these sites.
pub fn only(sites: &[u8]) -> String {
    let names: Vec<String> = sites.iter().map(|site| format!("\"{}\"", site_name(*site))).collect();
    format!(
        "cedar = '''\n@id(\"only\") @fr(\"ceux-là\") @en(\"those\")\npermit (principal, action == \
         Action::\"store\", resource)\nwhen {{ [{}].contains(resource.name) }};\n'''\n",
        names.join(", ")
    )
}

/// What the judge knows.
struct Judge {
    sites: BTreeSet<u8>,
    drained: BTreeSet<u8>,
    /// What each bucket permits, if not all.
    permits: BTreeMap<&'static str, BTreeSet<u8>>,
    random: SimRandom,
}

impl Judge {
    fn below(&self, bound: u64) -> u64 {
        let mut bits = [0; 8];
        self.random.fill(&mut bits);
        u64::from_le_bytes(bits) % bound
    }

    fn some_site(&self) -> u8 {
        let at = self.below(self.sites.len() as u64);
        self.sites.iter().copied().nth(usize::try_from(at).unwrap_or(0)).unwrap_or(1)
    }

    /// The sites that may take a part of these buckets.
    fn may(&self, buckets: &[&'static str]) -> BTreeSet<u8> {
        let mut may: BTreeSet<u8> = self.sites.difference(&self.drained).copied().collect();
        for bucket in buckets {
            if let Some(permitted) = self.permits.get(bucket) {
                may.retain(|site| permitted.contains(site));
            }
        }
        may
    }

    fn step_check(
        &self,
        cluster: &Cluster,
        buckets: &[&'static str],
        (before, after): (&PartRow, &PartRow),
    ) -> Result<()> {
        let at = |row: &PartRow| -> Vec<u8> {
            row.slots.iter().map(|disk| cluster.site_of(*disk).unwrap_or(0)).collect()
        };
        let (was, is) = (at(before), at(after));
        let may = self.may(buckets);
        for (from, to) in was.iter().zip(&is).filter(|(from, to)| from != to) {
            ensure!(may.contains(to), "moved from {from} to {to}, and only {may:?} may hold it");
        }
        let distinct = |sites: &[u8]| sites.iter().collect::<BTreeSet<_>>().len();
        let enough = may.len().min(is.len());
        ensure!(
            distinct(&is) >= distinct(&was).min(enough),
            "fewer sites than before: {was:?} {is:?}, of {may:?}"
        );
        Ok(())
    }
}

/// The buckets of a part.
fn buckets_of(cluster: &Cluster, row: &PartRow) -> Result<Vec<&'static str>> {
    let mut names = Vec::new();
    for name in BUCKETS {
        let found = cluster.running.consensus.view().bucket(&name.parse()?)?;
        if row.buckets.contains(&found.context("a bucket")?.id) {
            names.push(name);
        }
    }
    Ok(names)
}

fn row_of(cluster: &Cluster, part: PartId) -> Result<PartRow> {
    cluster.running.consensus.view().part(part)?.context("a part")
}

/// One cluster through so many changes.
pub async fn run(seed: u64, changes: u64) -> Result<()> {
    let mut cluster = Cluster::of(seed, 4).await?;
    let tenant = cluster.running.tenant("voisin").await?;
    cluster.running.bucket(&tenant, BUCKETS[1], false).await?;
    cluster.buckets_noted().await?;
    let mut judge = Judge {
        sites: (1..=4).collect(),
        drained: BTreeSet::new(),
        permits: BTreeMap::new(),
        random: SimRandom::seeded(seed),
    };
    let mut stored: Vec<(ObjectName, Bytes)> = Vec::new();
    for change in 0..changes {
        change_one(&mut cluster, &mut judge, &mut stored, change).await?;
        for _ in 0..judge.below(6) {
            let parts = cluster.parts()?;
            let Ok(at) = usize::try_from(judge.below(parts.len().max(1) as u64)) else { continue };
            let Some((part, before)) = parts.get(at) else { continue };
            let buckets = buckets_of(&cluster, before)?;
            let moved = cluster.running.steward.part_move_once(*part).await?;
            let after = row_of(&cluster, *part)?;
            ensure!(moved == (before.slots != after.slots), "it says what it has done");
            judge.step_check(&cluster, &buckets, (before, &after))?;
            cluster.whole().await?;
        }
        cluster.all_read(&stored).await?;
    }
    settle(&cluster, &judge).await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

async fn change_one(
    cluster: &mut Cluster,
    judge: &mut Judge,
    stored: &mut Vec<(ObjectName, Bytes)>,
    change: u64,
) -> Result<()> {
    match judge.below(9) {
        0 if judge.sites.len() < 7 => {
            let number = u8::try_from(judge.sites.len() + 1)?;
            cluster.join(number, 1).await?;
            judge.sites.insert(number);
        }
        1 | 2 => {
            let number = judge.some_site();
            let on = !judge.drained.contains(&number);
            if !on || judge.sites.len() - judge.drained.len() > 2 {
                cluster.drain(number, on).await?;
                if on {
                    judge.drained.insert(number)
                } else {
                    judge.drained.remove(&number)
                };
            }
        }
        3 | 4 => {
            let bucket = BUCKETS[usize::try_from(judge.below(2))?];
            let mut permitted: BTreeSet<u8> =
                judge.sites.iter().copied().filter(|_| judge.below(4) > 0).collect();
            permitted.insert(judge.some_site());
            permitted.insert(judge.some_site());
            let list: Vec<u8> = permitted.iter().copied().collect();
            cluster.policy(Some(bucket), &only(&list)).await?;
            judge.permits.insert(bucket, permitted);
        }
        5 if !stored.is_empty() => {
            let at = usize::try_from(judge.below(stored.len() as u64))?;
            let (from, body) = stored[at].clone();
            let to = ObjectName::new(BUCKETS[1], &format!("copie-{change}"))?;
            let source = CopySource {
                name: from,
                version: VersionAsk::Current,
                conditions: ReadConditions::default(),
                customer_key: None,
            };
            let ask = CopyObject::plain(source, to.clone());
            cluster.running.objects.object_copy(&simulator(), &simulator(), ask).await?;
            stored.push((to, body));
        }
        _ => {
            let bucket = BUCKETS[usize::try_from(judge.below(2))?];
            let name = ObjectName::new(bucket, &format!("acte-{change}"))?;
            let body = Bytes::from(vec![u8::try_from(change % 251)?; 20_000]);
            match cluster.running.put(&name, body.clone()).await {
                Ok(_) => stored.push((name, body)),
                Err(ObjectError::NotPlaced { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Nothing changes any more: everything comes to where it should be, if there is room.
async fn settle(cluster: &Cluster, judge: &Judge) -> Result<()> {
    let said = cluster.moved().await?;
    cluster.whole().await?;
    for (part, row) in cluster.parts()? {
        let buckets = buckets_of(cluster, &row)?;
        let may = judge.may(&buckets);
        // Policies that bind one part together may leave no step to take.
        if buckets.len() > 1 || may.len() < row.slots.len() {
            continue;
        }
        let sites: BTreeSet<u8> =
            row.slots.iter().map(|disk| cluster.site_of(*disk).unwrap_or(0)).collect();
        ensure!(
            sites.is_subset(&may) && sites.len() == row.slots.len(),
            "{part} lies at {sites:?}, may at {may:?}; {said:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_step_violates_a_policy_and_all_ends_well() -> Result<()> {
    let seeds = std::env::var("ESSAIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..seeds.unwrap_or(4) {
        run(seed, 25).await.with_context(|| {
            format!("ESSAIM_SEEDS={} cargo test -p simulator --test several_sites", seed + 1)
        })?;
    }
    Ok(())
}
