//! Parts that are cut anew: a site leaves that has no successor, one is lost for good, a
//! rule asks for more; and what comes in between.

use core::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use catalog::Command;
use catalog::PartRow;
use catalog::command::{PartCut, PartRecut, Placed, PlacedCommand};
use erasure::{Code, CodecId, Cut};
use fragments::{Fragment, FragmentHeader, FragmentName};
use futures::StreamExt as _;
use objects::{GetObject, ObjectName};
use simulator::simulator;
use units::{ByteCount, FragmentNumber, PartId, StripeNumber};

use super::cluster::{Cluster, site};

/// How a part is cut, as `3+2`, and by which codec.
fn cuts(cluster: &Cluster) -> Result<Vec<(String, u8)>> {
    let cut = |(_, row): (PartId, PartRow)| (format!("{}+{}", row.data, row.parity), row.codec);
    Ok(cluster.parts()?.into_iter().map(cut).collect())
}

fn all_are(cluster: &Cluster, code: &str) -> Result<()> {
    let cuts = cuts(cluster)?;
    ensure!(cuts.iter().all(|cut| *cut == (code.to_owned(), 2)), "{cuts:?}");
    Ok(())
}

/// Nothing lies anywhere but where the catalog names it.
fn nothing_is_left_over(cluster: &Cluster, sites: u8) -> Result<()> {
    for number in 1..=sites {
        for disk in cluster.disks_of(number) {
            let held = if number == 1 {
                let held = cluster.running.fragments.list(disk, None, 1_000);
                held.into_iter().map(|listed| listed.name).collect()
            } else {
                cluster.held(number, disk)
            };
            for name in held {
                let row = cluster.running.consensus.view().part(name.part)?.context("a part")?;
                let cut = cut_of(&row)?;
                let named = row.slots.get(usize::from(name.fragment.get())) == Some(&disk);
                ensure!(named && cut.stripe(name.stripe).is_some(), "{name} at site {number}");
            }
        }
    }
    Ok(())
}

fn cut_of(row: &PartRow) -> Result<Cut> {
    Ok(Cut::new(CodecId::from_byte(row.codec)?, Code::new(row.data, row.parity)?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_five_sites_is_emptied_without_a_sixth() -> Result<()> {
    let cluster = Cluster::of(91, 5).await?;
    let stored = cluster.put("actes", 8).await?;
    ensure!(cuts(&cluster)?.iter().all(|cut| *cut == ("3+2".to_owned(), 1)));
    cluster.drain(2, true).await?;
    // Counted first: all of it is to leave, and nothing cannot.
    ensure!(cluster.running.steward.moves_step().await?, "there is something to do");
    let said = cluster.running.steward.status().borrow().moves.clone().context("it is said")?;
    let here = said.sites.get(&site(2)).copied().unwrap_or_default();
    ensure!((here.leaves.slots, here.stays.slots, said.recuts.slots) == (8, 0, 8), "{said:?}");
    let said = cluster.moved().await?;
    ensure!((said.stuck, said.waiting, said.to_move().slots) == (0, 0, 0), "{said:?}");
    ensure!(said.sites[&site(2)].left.slots == 8, "{said:?}");
    all_are(&cluster, "2+2")?;
    let lies = cluster.lies()?;
    ensure!(lies.iter().all(|sites| !sites.contains(&2)), "{lies:?}");
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    nothing_is_left_over(&cluster, 5)?;
    ensure!(cluster.held(2, cluster.disks_of(2)[0]).is_empty(), "nothing is left behind");
    cluster.remove(2, false).await?;

    // And another, and the one after that; never the last but one.
    for (number, code) in [(3, "1+2"), (4, "1+1")] {
        cluster.drain(number, true).await?;
        let said = cluster.moved().await?;
        ensure!((said.stuck, said.waiting) == (0, 0), "{said:?}");
        all_are(&cluster, code)?;
        cluster.whole().await?;
        nothing_is_left_over(&cluster, 5)?;
        cluster.remove(number, false).await?;
    }
    cluster.all_read(&stored).await?;
    cluster.drain(5, true).await?;
    let said = cluster.moved().await?;
    ensure!(said.stuck == 8, "one site alone is not two: {said:?}");
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_site_had_is_made_whole_by_the_others() -> Result<()> {
    let mut cluster = Cluster::of(92, 5).await?;
    let stored = cluster.put("actes", 6).await?;
    cluster.lose(5).await?;
    ensure!(cluster.repaired().await? == 0, "no repair has a place for it");
    let said = cluster.moved().await?;
    ensure!((said.stuck, said.waiting) == (0, 0), "{said:?}");
    all_are(&cluster, "2+2")?;
    cluster.whole().await?;
    nothing_is_left_over(&cluster, 4)?;
    ensure!(cluster.running.steward.status().borrow().parts_homeless == 0, "none is waiting");
    // Any two of the others.
    cluster.lose(4).await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_comes_in_time_gets_what_was_lost_and_nothing_is_cut() -> Result<()> {
    let mut cluster = Cluster::of(93, 5).await?;
    let stored = cluster.put("actes", 4).await?;
    cluster.lose(5).await?;
    cluster.join(6, 1).await?;
    let said = cluster.moved().await?;
    ensure!((said.waiting, said.recuts.slots) == (4, 0), "{said:?}");
    ensure!(cluster.repaired().await? >= 4, "all of them are rebuilt");
    ensure!(cuts(&cluster)?.iter().all(|cut| *cut == ("3+2".to_owned(), 1)));
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_asks_for_more_has_everything_cut_anew() -> Result<()> {
    let cluster = Cluster::of(94, 5).await?;
    let stored = cluster.put("actes", 5).await?;
    cluster.buckets_noted().await?;
    for (rule, code) in [
        ("geometry = '2+2'", "2+2"),
        ("survive = 3", "2+3"),
        ("survive = 4", "1+4"),
        // What survives more than is asked for stays.
        ("survive = 3", "1+4"),
        ("geometry = '2+1'", "1+4"),
    ] {
        cluster.policy(None, &format!("[spread]\n{rule}")).await?;
        let said = cluster.moved().await?;
        ensure!((said.stuck, said.at_risk) == (0, 0), "{said:?}");
        all_are(&cluster, code)?;
        cluster.whole().await?;
        nothing_is_left_over(&cluster, 5)?;
    }
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recut_that_is_overtaken_leaves_all_as_it_was() -> Result<()> {
    overtaken().await
}

/// By the map, and by a step of another node.
pub async fn overtaken() -> Result<()> {
    let cluster = Cluster::of(95, 5).await?;
    let stored = cluster.put("actes", 1).await?;
    cluster.drain(3, true).await?;
    let (part, before) = cluster.parts()?.pop().context("a part")?;
    for by_map in [true, false] {
        // Another node that leads, or thinks so, is as far as this one will be.
        let other =
            if by_map { None } else { Some(other_has_written(&cluster, part, &before).await?) };
        cluster.network.delay_set_all(Duration::from_millis(100), Duration::ZERO);
        let cut = cluster.running.steward.part_move_once(part);
        let between = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let Some((from, to)) = other else { return cluster.drain(3, false).await };
            let epoch = cluster.running.consensus.view().map_epoch()?;
            let command = PlacedCommand::PartRecut(Box::new(PartRecut { part, from, to }));
            cluster.propose(Command::Placed(Box::new(Placed { epoch, command }))).await
        };
        let (cut, between) = tokio::join!(cut, between);
        between?;
        ensure!(!matches!(cut, Ok(true)), "it was decided on what is no more");
        cluster.network.delay_set_all(Duration::ZERO, Duration::ZERO);
        if by_map {
            let (_, after) = cluster.parts()?.pop().context("a part")?;
            ensure!(before == after, "{after:?}");
            cluster.whole().await?;
            cluster.all_read(&stored).await?;
            cluster.drain(3, true).await?;
        } else {
            let (_, after) = cluster.parts()?.pop().context("a part")?;
            ensure!((after.data, after.parity) == (1, 3), "the other was first: {after:?}");
            cluster.whole().await?;
            cluster.all_read(&stored).await?;
        }
    }
    cluster.stop().await;
    Ok(())
}

/// The fragments of a part by another code, as the catalog does not know it yet, or not any
/// more.
async fn other_has_written(
    cluster: &Cluster,
    part: PartId,
    row: &PartRow,
) -> Result<(PartCut, PartCut)> {
    let slots = [1, 2, 4, 5].iter().map(|number| cluster.disks_of(*number)[0]).collect();
    let from = PartCut::of(row);
    let to = PartCut { codec: 2, data: 1, parity: 3, slots };
    let after = to.applied(row);
    let (old, new) = (cut_of(row)?, cut_of(&after)?);
    let layout = seal::SealedLayout::new(row.size, row.stripe_bytes).context("a layout")?;
    for stripe in (0..row.stripe_count).map(StripeNumber::new) {
        let mut pieces = Vec::new();
        for (slot, disk) in (0_u8..).zip(&row.slots) {
            let fragment = FragmentNumber::new(slot);
            let name = FragmentName { part, stripe: old.named(stripe), fragment };
            pieces.push(Some(cluster.store.read_whole(*disk, name).await?.payload));
        }
        let bytes = usize::try_from(layout.sealed_bytes(stripe))?;
        let sealed = erasure::join(old.code(), bytes, &mut pieces)?;
        for (slot, disk) in (0_u8..).zip(&after.slots) {
            let fragment = FragmentNumber::new(slot);
            let name = FragmentName { part, stripe: new.named(stripe), fragment };
            let header = FragmentHeader {
                name,
                codec: new.codec(),
                code: new.code(),
                stripe_bytes: ByteCount::new(sealed.len() as u64),
            };
            let payload = sealed.clone();
            cluster.store.append_many(*disk, vec![Fragment { header, payload }]).await?;
        }
    }
    Ok((from, to))
}

/// As after a catalog was put back from a backup of before the part was cut anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_an_older_catalog_has_by_another_code_is_found() -> Result<()> {
    let cluster = Cluster::of(99, 5).await?;
    let stored = cluster.put("actes", 2).await?;
    for (part, row) in cluster.parts()? {
        other_has_written(&cluster, part, &row).await?;
        for (slot, disk) in (0_u8..).zip(&row.slots) {
            let fragment = FragmentNumber::new(slot);
            let names = (0..row.stripe_count).map(StripeNumber::new);
            let names = names.map(|stripe| FragmentName { part, stripe, fragment }).collect();
            cluster.store.remove(*disk, names).await?;
        }
    }
    ensure!(cluster.all_read(&stored).await.is_err(), "the catalog does not know");
    cluster.repaired().await?;
    cluster.all_read(&stored[..1]).await?;
    // What no reader has met yet a scrub finds, or the next reader.
    let _ = cluster.all_read(&stored).await;
    cluster.repaired().await?;
    cluster.all_read(&stored).await?;
    all_are(&cluster, "1+3")?;
    cluster.whole().await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recut_may_be_cut_anywhere() -> Result<()> {
    cut_anywhere().await
}

pub async fn cut_anywhere() -> Result<()> {
    let cluster = Cluster::of(96, 5).await?;
    let stored = cluster.put("actes", 3).await?;
    cluster.drain(4, true).await?;
    let parts: Vec<PartId> = cluster.parts()?.into_iter().map(|(part, _)| part).collect();
    cluster.network.delay_set_all(Duration::from_millis(4), Duration::ZERO);
    for millis in (1..400).step_by(9) {
        for part in &parts {
            let step = cluster.running.steward.part_move_once(*part);
            let _cut = tokio::time::timeout(Duration::from_millis(millis), step).await;
        }
        cluster.whole().await?;
        cluster.all_read(&stored).await?;
        if cuts(&cluster)?.iter().all(|cut| cut.1 == 2) && millis > 100 {
            break;
        }
    }
    cluster.network.delay_set_all(Duration::ZERO, Duration::ZERO);
    cluster.site.clock.advance(Duration::from_mins(10));
    cluster.moved().await?;
    all_are(&cluster, "2+2")?;
    cluster.whole().await?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_with_the_old_row_gets_the_rest() -> Result<()> {
    let cluster = Cluster::of(97, 5).await?;
    let name = ObjectName::new("actes", "film")?;
    let body: Vec<u8> = (0..20_000_000_u32).map(|at| (at % 253) as u8).collect();
    let body = Bytes::from(body);
    cluster.running.put(&name, body.clone()).await?;
    cluster.drain(1, true).await?;
    let got = cluster.running.objects.object_get(&simulator(), GetObject::whole(name)).await?;
    let mut stream = got.body;
    let mut read = stream.next().await.context("first bytes")??.to_vec();
    cluster.moved().await?;
    all_are(&cluster, "2+2")?;
    nothing_is_left_over(&cluster, 5)?;
    while let Some(bytes) = stream.next().await {
        read.extend_from_slice(&bytes?);
    }
    ensure!(read == body, "{} bytes of {}", read.len(), body.len());
    ensure!(cluster.repaired().await? == 0, "nothing is said to be bad");
    cluster.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_code_left_is_swept_once_the_part_is_whole() -> Result<()> {
    let cluster = Cluster::of(98, 5).await?;
    let stored = cluster.put("actes", 1).await?;
    let (part, before) = cluster.parts()?.pop().context("a part")?;
    let own = cluster.disks_of(1)[0];
    let slot = before.slots.iter().position(|disk| *disk == own).context("3+2 on five")?;
    let fragment = FragmentNumber::new(u8::try_from(slot)?);
    let name = FragmentName { part, stripe: StripeNumber::ZERO, fragment };
    let old = cluster.running.fragments.read_whole(own, name).await?;
    cluster.drain(5, true).await?;
    cluster.moved().await?;
    all_are(&cluster, "2+2")?;
    // As if it could not be removed; and a new fragment is gone from another site.
    cluster.running.fragments.append_many(own, vec![old]).await?;
    let (_, row) = cluster.parts()?.pop().context("a part")?;
    let far = row.slots.iter().position(|disk| *disk != own).context("another")?;
    let gone = FragmentName {
        part,
        stripe: cut_of(&row)?.named(StripeNumber::ZERO),
        fragment: FragmentNumber::new(u8::try_from(far)?),
    };
    let kept = cluster.store.read_whole(row.slots[far], gone).await?;
    cluster.store.remove(row.slots[far], vec![gone]).await?;
    let is_there = || cluster.running.fragments.length(own, name).is_some();
    for _ in 0..3 {
        cluster.running.steward.orphan_sweep().await?;
        cluster.site.clock.advance(Duration::from_hours(2));
    }
    ensure!(is_there(), "the part is not whole");
    // A reader who needs it finds out, or whoever asks for what each site keeps.
    cluster.store.append_many(row.slots[far], vec![kept]).await?;
    cluster.whole().await?;
    for _ in 0..3 {
        cluster.running.steward.orphan_sweep().await?;
        cluster.site.clock.advance(Duration::from_hours(2));
    }
    ensure!(!is_there(), "nobody needs it");
    nothing_is_left_over(&cluster, 5)?;
    cluster.all_read(&stored).await?;
    cluster.stop().await;
    Ok(())
}
