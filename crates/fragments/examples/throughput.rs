//! How fast one disk takes and gives fragments, every append durable.
//!
//! `cargo run --release -p fragments --example throughput -- DIRECTORY`
//!
//! Prints what the disk itself does (sequential writes with one `fdatasync` per
//! 4 MiB) beside what the store does, so that only their ratio counts.
#![expect(clippy::print_stdout, reason = "the figures are the output")]
#![expect(clippy::cast_precision_loss, reason = "figures are for people")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use disk::{Disk, RealDisk};
use erasure::{Code, CodecId};
use fragments::{Fragment, FragmentHeader, FragmentName, FragmentStore};
use units::{ByteCount, ClusterId, DiskId, FragmentNumber, PartId, SimRandom, StripeNumber};

const MEBI: usize = 1024 * 1024;
const LARGE: usize = 4 * MEBI;
const LARGE_COUNT: u32 = 256;
const SMALL: usize = 16 * 1024;
const SMALL_COUNT: u32 = 20_000;
const TINY: usize = 2_000;
const TINY_PARTS: u32 = 1_000_000;
const TINY_BATCH: u32 = 2_000;
const CLIENTS: u32 = 16;
const RANGE_COUNT: u32 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args().nth(1).ok_or("usage: throughput DIRECTORY")?;
    let root = Path::new(&root);
    let raw = raw_write(root)?;
    println!("the disk itself, 4 MiB then fdatasync: {raw:.0} MB/s");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    runtime.block_on(run(root))
}

fn raw_write(root: &Path) -> Result<f64, Box<dyn Error>> {
    let disk = RealDisk::open(&root.join("raw"))?;
    let bytes = vec![7; LARGE];
    let file = disk.create("raw")?;
    let started = Instant::now();
    for index in 0..u64::from(LARGE_COUNT) {
        file.write_all_at(&bytes, index * LARGE as u64)?;
        file.sync_data()?;
    }
    let rate = rate(LARGE, LARGE_COUNT, started);
    let started = processor_seconds();
    for index in 0..RANGE_COUNT {
        let chunk = u64::from(index) * 37 % 4_000 * 65_552;
        file.read_at(chunk, 65_552)?;
    }
    let micros = each_micros(started);
    println!("the disk itself, pread of 65,552 cached bytes: {micros:.1} µs of processor");
    disk.remove("raw")?;
    Ok(rate)
}

/// Processor time of this thread: what a read costs whatever else the machine does.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    nanos.unwrap_or(0.0) / 1e9
}

fn each_micros(started: f64) -> f64 {
    (processor_seconds() - started) * 1e6 / f64::from(RANGE_COUNT)
}

fn rate(bytes: usize, count: u32, started: Instant) -> f64 {
    bytes as f64 * f64::from(count) / started.elapsed().as_secs_f64() / 1e6
}

fn fragment(part: u32, stripe: u32, payload: Bytes) -> Fragment {
    let header = FragmentHeader {
        name: name(part, stripe),
        codec: CodecId::default(),
        code: Code::PLAIN,
        stripe_bytes: ByteCount::new(payload.len() as u64),
    };
    Fragment { header, payload }
}

fn name(part: u32, stripe: u32) -> FragmentName {
    FragmentName {
        part: PartId::from_u128(u128::from(part) << 64 | 1),
        stripe: StripeNumber::new(stripe),
        fragment: FragmentNumber::new(0),
    }
}

async fn run(root: &Path) -> Result<(), Box<dyn Error>> {
    let random = SimRandom::seeded(1);
    let cluster = ClusterId::from_u128(1);
    let real: Arc<dyn Disk> = RealDisk::open(&root.join("store"))?;
    let store = FragmentStore::open(cluster, vec![real], &random).await?;
    let disk = *store.disks().first().ok_or("no disk")?;

    let payload = Bytes::from(vec![9; LARGE]);
    let started = Instant::now();
    appends(&store, disk, 4, 1, LARGE_COUNT, payload).await?;
    println!("append 4 MiB, 4 at once: {:.0} MB/s", rate(LARGE, LARGE_COUNT, started));

    let payload = Bytes::from(vec![9; SMALL]);
    let started = Instant::now();
    appends(&store, disk, CLIENTS, 2, SMALL_COUNT, payload).await?;
    let seconds = started.elapsed().as_secs_f64();
    println!("append 16 KiB, {CLIENTS} at once: {:.0} op/s", f64::from(SMALL_COUNT) / seconds);

    let started = Instant::now();
    for stripe in 0..LARGE_COUNT {
        store.read_whole(disk, name(1, stripe)).await?;
    }
    println!("read 4 MiB, one at a time: {:.0} MB/s", rate(LARGE, LARGE_COUNT, started));

    let started = processor_seconds();
    for index in 0..RANGE_COUNT {
        let chunk = (index as usize * 37) % 63 * 65_552;
        let stripe = index.wrapping_mul(101) % LARGE_COUNT;
        store.read(disk, name(1, stripe), chunk..chunk + 65_552).await?;
    }
    let micros = each_micros(started);
    println!("read one sealed chunk (65,552 bytes): {micros:.1} µs of processor");

    let started = processor_seconds();
    for index in 0..RANGE_COUNT {
        store.read_whole(disk, name(2, index)).await?;
    }
    let micros = each_micros(started);
    println!("read a whole 16 KiB fragment: {micros:.1} µs of processor");

    let started = Instant::now();
    let tiny = Bytes::from(vec![9; TINY]);
    for part in 0..TINY_PARTS / TINY_BATCH {
        let parts = (part * TINY_BATCH..).take(TINY_BATCH as usize);
        let batch = parts.map(|part| fragment(1_000 + part, 0, tiny.clone())).collect();
        store.append_many(disk, batch).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("append {TINY_PARTS} fragments of {TINY} bytes by {TINY_BATCH}: {seconds:.1} s");

    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    println!("resident with a million fragments: {}", resident.trim_start_matches("VmRSS:").trim());

    let space = store.space(disk).ok_or("no space")?;
    store.shutdown().await;
    drop(store);
    let taken = blocks(&root.join("store/segments"))?;
    let stored = LARGE as u64 * u64::from(LARGE_COUNT)
        + SMALL as u64 * u64::from(SMALL_COUNT)
        + (TINY as u64 * u64::from(TINY_PARTS));
    println!("bytes on disk / bytes stored: {:.4}", taken as f64 / stored as f64);
    println!("fragments {}, segments {}", space.fragments, space.segments);
    let started = Instant::now();
    let real: Arc<dyn Disk> = RealDisk::open(&root.join("store"))?;
    let store = FragmentStore::open(cluster, vec![real], &random).await?;
    println!("start: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    store.shutdown().await;
    Ok(())
}

/// Appends `count` fragments of one part, `clients` at once.
async fn appends(
    store: &FragmentStore,
    disk: DiskId,
    clients: u32,
    part: u32,
    count: u32,
    payload: Bytes,
) -> Result<(), Box<dyn Error>> {
    let mut tasks = Vec::new();
    for client in 0..clients {
        let (store, payload) = (store.clone(), payload.clone());
        tasks.push(tokio::spawn(async move {
            for stripe in (client..count).step_by(clients as usize) {
                store.append(disk, fragment(part, stripe, payload.clone())).await?;
            }
            Ok::<(), fragments::WriteError>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

fn blocks(directory: &Path) -> Result<u64, Box<dyn Error>> {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    for entry in std::fs::read_dir(directory)? {
        total += entry?.metadata()?.blocks() * 512;
    }
    Ok(total)
}
