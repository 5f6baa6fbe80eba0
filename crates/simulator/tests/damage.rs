//! Damage beyond single bits: segments cut short, records that stand where another
//! belongs, a disk's file under another disk's name. Found by scrub, repaired, and
//! counted by a census of fragments; with one disk, found, and never read as
//! something else.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use disk::{Disk, SimDisk};
use fragments::{Fragment, FragmentHeader};
use objects::ObjectName;
use simulator::{Running, Site, SiteOptions};
use units::ByteCount;

/// What happens to the first disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// The last third of its segment is gone.
    Truncated,
    /// Its segment has no byte left.
    Emptied,
    /// A record stands, whole and with its checksums, where another one belongs.
    Misdirected,
    /// Two records have changed places.
    Swapped,
    /// A record of another disk stands where one of this disk belongs.
    OfAnotherDisk,
    /// The whole segment is another disk's.
    FileOfAnotherDisk,
}

const ALL: [Damage; 6] = [
    Damage::Truncated,
    Damage::Emptied,
    Damage::Misdirected,
    Damage::Swapped,
    Damage::OfAnotherDisk,
    Damage::FileOfAnotherDisk,
];

/// Objects of one length, so that records fit each other's places.
const OBJECTS: u8 = 24;
const OBJECT_BYTES: usize = 150_000;

async fn filled(site: &Site) -> Result<(Running, Vec<(ObjectName, Bytes)>)> {
    let running = site.start().await?;
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    let mut stored = Vec::new();
    for number in 0..OBJECTS {
        let name = ObjectName::new(bucket.as_str(), &format!("acte-{number}"))?;
        let body = Bytes::from(vec![number; OBJECT_BYTES]);
        running.put(&name, body.clone()).await?;
        stored.push((name, body));
    }
    running.steward.settle_step().await?;
    Ok((running, stored))
}

/// The one segment of a disk: its path and its bytes.
fn segment(disk: &SimDisk) -> Result<(String, Vec<u8>)> {
    let files = disk.files();
    let mut segments = files.iter().filter(|(path, _)| path.strip_suffix(".seg").is_some());
    let (path, length) = segments.next().context("no segment")?;
    ensure!(segments.next().is_none(), "the objects are to fit one segment");
    let mut bytes = vec![0; usize::try_from(length.get())?];
    disk.open(path)?.read_exact_at(&mut bytes, 0)?;
    Ok((path.clone(), bytes))
}

/// Where the fragments' records stand, by the lengths in their heads.
fn records(segment: &[u8]) -> Vec<core::ops::Range<usize>> {
    let number = |at: usize| {
        let bytes = segment.get(at..at + 4).and_then(|four| four.try_into().ok());
        bytes.map_or(0, |four| u32::from_le_bytes(four) as usize)
    };
    let (mut found, mut at) = (Vec::new(), 64);
    while segment.get(at..at + 4) == Some(b"EFR1") {
        let (payload, block) = (number(at + 32), number(at + 52));
        let checksums = if payload == 0 { 0 } else { 4 * payload.div_ceil(block.max(1)) };
        let end = at + (72 + checksums + payload).next_multiple_of(8);
        if segment[at + 4] == 1 {
            found.push(at..end);
        }
        at = end;
    }
    found
}

fn damage(site: &Site, what: Damage) -> Result<()> {
    let disk = &site.data[0];
    let (path, mut bytes) = segment(disk)?;
    let mine = records(&bytes);
    let pairs: Vec<_> = mine.iter().step_by(4).zip(mine.iter().skip(2).step_by(4)).collect();
    ensure!(pairs.len() >= 5, "{} records", mine.len());
    let file = disk.open(&path)?;
    match what {
        Damage::Truncated => file.set_len(ByteCount::new(bytes.len() as u64 * 2 / 3))?,
        Damage::Emptied => file.set_len(ByteCount::ZERO)?,
        Damage::Misdirected => {
            for (from, to) in pairs {
                ensure!(from.len() == to.len(), "records of one length");
                bytes.copy_within(from.clone(), to.start);
            }
        }
        Damage::Swapped => {
            for (one, other) in pairs {
                ensure!(one.len() == other.len(), "records of one length");
                for (one, other) in one.clone().zip(other.clone()) {
                    bytes.swap(one, other);
                }
            }
        }
        Damage::OfAnotherDisk => {
            let (_, theirs) = segment(&site.data[1])?;
            for (from, to) in records(&theirs).into_iter().zip(&mine).step_by(4) {
                ensure!(from.len() == to.len(), "records of one length");
                bytes[to.clone()].copy_from_slice(&theirs[from]);
            }
        }
        Damage::FileOfAnotherDisk => {
            let (_, theirs) = segment(&site.data[1])?;
            file.set_len(ByteCount::new(theirs.len() as u64))?;
            bytes = theirs;
        }
    }
    if !matches!(what, Damage::Truncated | Damage::Emptied) {
        file.write_all_at(&bytes, 0)?;
    }
    Ok(file.sync_data()?)
}

/// Damages the first disk of so many, under a running site or between two lives;
/// gives how many fragments that cost, `None` if the site refused to start on it.
async fn check(what: Damage, disks: usize, at_rest: bool) -> Result<Option<u64>> {
    let site = Site::new(SiteOptions { seed: 8, disks });
    let (mut running, stored) = filled(&site).await?;
    if at_rest {
        running.stop().await;
        damage(&site, what)?;
        if what == Damage::FileOfAnotherDisk {
            // Files were mixed up: whoever did it must know, and nothing may be written.
            let Err(error) = site.start().await else { bail!("a foreign segment was served") };
            ensure!(format!("{error:#}").contains("was written as another"), "{error:#}");
            return Ok(None);
        }
        running = site.start().await?;
    } else {
        damage(&site, what)?;
    }
    let steward = &running.steward;
    let before = steward.census().await?;
    let wrong = before.bad + before.missing;
    ensure!(wrong >= 3, "{wrong} fragments wrong");
    let mut refused = 0;
    for (name, body) in &stored {
        match running.get(name).await {
            Ok(read) => ensure!(read == *body, "{name:?} was read as something else"),
            Err(_) if disks == 1 => refused += 1,
            Err(error) => return Err(error).context(format!("{name:?} on {disks} disks")),
        }
    }
    steward.scrub_round().await?;
    let status = steward.status().borrow().clone();
    let after = steward.census().await?;
    if disks == 1 {
        ensure!(status.scrub.bad >= wrong, "detected {} of {wrong}", status.scrub.bad);
        ensure!(refused > 0 && after.bad + after.missing == wrong, "found, not mended: {after:?}");
    } else {
        // Readers may have told of some before the scrub came to them.
        ensure!(status.fragments_bad >= wrong, "detected {} of {wrong}", status.fragments_bad);
        ensure!(after.is_whole(), "repaired: {after:?}");
        for (name, body) in &stored {
            ensure!(running.get(name).await? == *body, "{name:?} after the repair");
        }
    }
    Ok(Some(wrong))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_segments_are_found_and_repaired() -> Result<()> {
    let (mut repaired, mut alone, mut refused) = (0, 0, 0);
    for what in ALL {
        for disks in [1, 2, 4] {
            let needs_two = matches!(what, Damage::OfAnotherDisk | Damage::FileOfAnotherDisk);
            if disks == 1 && needs_two {
                continue;
            }
            for at_rest in [false, true] {
                let when = if at_rest { "at rest" } else { "running" };
                let context = format!("{what:?}, {disks} disks, {when}");
                match check(what, disks, at_rest).await.context(context)? {
                    Some(wrong) if disks == 1 => alone += wrong,
                    Some(wrong) => repaired += wrong,
                    None => refused += 1,
                }
            }
        }
    }
    println!("several disks: {repaired} of {repaired} fragments found and repaired, by census");
    println!(
        "one disk: {alone} of {alone} found; a disk's file under another: {refused} starts of {refused} refused"
    );
    Ok(())
}

/// Two fragments, each stored under the other's name with checksums that hold: no disk
/// does that, a site that lies would. A scrub of checksums cannot see it; the seal can,
/// and repair takes the reader's word against the checksums.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_under_each_others_names_are_not_taken_for_each_other() -> Result<()> {
    let site = Site::new(SiteOptions { seed: 9, disks: 3 });
    let (running, stored) = filled(&site).await?;
    let disk = running.fragments.disks()[0];
    let listed = running.fragments.list(disk, None, 100);
    let mut originals = Vec::new();
    let firsts = listed.iter().filter(|listed| listed.name.fragment.get() == 0);
    for listed in firsts.take(6) {
        originals.push(running.fragments.read_whole(disk, listed.name).await?);
    }
    ensure!(originals.len() == 6, "{} data fragments", originals.len());
    for pair in originals.chunks(2) {
        let [one, other] = pair else { continue };
        let names = vec![one.header.name, other.header.name];
        running.fragments.remove(disk, names).await?;
        for (mine, theirs) in [(one, other), (other, one)] {
            let header = FragmentHeader { name: mine.header.name, ..theirs.header };
            let fragment = Fragment { header, payload: theirs.payload.clone() };
            running.fragments.append(disk, fragment).await?;
        }
    }
    for (name, body) in &stored {
        ensure!(running.get(name).await? == *body, "{name:?} was read as something else");
    }
    running.steward.damage_step().await?;
    let census = running.steward.census().await?;
    ensure!(census.bad == originals.len() as u64, "readers met them all: {census:?}");
    running.steward.scrub_round().await?;
    ensure!(running.steward.census().await?.is_whole(), "the census");
    for original in &originals {
        let now = running.fragments.read_whole(disk, original.header.name).await?;
        ensure!(now.payload == original.payload, "{} is still another's", original.header.name);
    }
    Ok(())
}
