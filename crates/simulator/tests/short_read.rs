//! Short reads while a disk is away: whatever the range, over the ends of fragments and of
//! stripes, it is what was stored.

use anyhow::{Result, ensure};
use bytes::Bytes;
use objects::{GetObject, ObjectName, RangeAsk};
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use simulator::{Running, Site, SiteOptions, simulator};

/// Lengths whose stripes end in the middle of a column, of a chunk, of a fragment.
const LENGTHS: [usize; 4] = [70_001, 1 << 20, 4_194_304 + 77, 9_000_003];
/// Longer reads have the stripe rebuilt.
const SHORT_MAX: usize = 1 << 20;

async fn range(running: &Running, name: &ObjectName, first: usize, last: usize) -> Result<Bytes> {
    let (first, last) = (first as u64, last as u64);
    let ask = GetObject {
        range: Some(RangeAsk::Bounded { first, last }),
        ..GetObject::whole(name.clone())
    };
    Ok(running.objects.object_get(&simulator(), ask).await?.body.collect().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_read_without_a_disk_is_what_was_stored() -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(31);
    // 2+1, 2+2 and 3+2 or more; each disk is away once.
    for disks in [3, 4, 7] {
        let mut site = Site::new(SiteOptions { seed: 31, disks });
        let running = site.start().await?;
        let tenant = running.tenant("commune").await?;
        let bucket = running.bucket(&tenant, "actes", false).await?;
        let mut stored = Vec::new();
        for length in LENGTHS {
            let name = ObjectName::new(bucket.as_str(), &format!("acte-{length}"))?;
            let mut body = vec![0; length];
            random.fill_bytes(&mut body);
            running.put(&name, body.clone().into()).await?;
            stored.push((name, body));
        }
        running.stop().await;
        for missing in 0..disks {
            site.missing = Some(missing);
            let running = site.start().await?;
            for (name, body) in &stored {
                for _ in 0..40 {
                    let length = random.random_range(1..=SHORT_MAX.min(body.len()));
                    let first = random.random_range(0..=body.len() - length);
                    let read = range(&running, name, first, first + length - 1).await?;
                    ensure!(
                        read == body[first..first + length],
                        "{disks} disks, {missing} away: {name:?} from {first}, {length} bytes"
                    );
                }
            }
            running.stop().await;
        }
    }
    Ok(())
}
