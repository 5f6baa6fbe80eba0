//! Memory for bodies on their way in.
//!
//! The process must stay within 250 MiB with a thousand slow uploads and a
//! 20 GiB multipart upload in flight, and yet a single fast upload wants long
//! stripes and several of them under way. Three pools, each a semaphore:
//!
//! ```text
//! lanes      1,088 × 64 KiB   one per upload: its own buffer of one chunk
//! stripes    24 MiB           what a stripe buffer is longer than a chunk
//! pipeline   16 MiB           stripes behind the filling one: hashed, sealed, written
//! ```
//! The stripe length of a part is fixed when it begins: the smallest of what
//! its body needs, a fair share of the pool among the uploads that run, and what
//! is free. Whoever waits for the pipeline waits for its own earlier stripes or
//! goes on without overlapping, so nobody waits in a circle: a lane alone is
//! enough to make progress. Buffers are reserved, not touched, until bytes come,
//! so a slow upload costs what it has sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use units::limits::{CHUNK_BYTES, STRIPE_BYTES_MAX};

use crate::ObjectError;
use crate::limits::{
    LANE_WAIT_MAX, LANES_MAX, PIPELINE_BYTES_MAX, PIPELINE_POOL_BYTES, PIPELINE_STRIPES_MAX,
    STRIPE_POOL_BYTES,
};

/// The pools, shared by all uploads of the process.
pub(crate) struct WriteBudget {
    lanes: Arc<Semaphore>,
    stripes: Arc<Semaphore>,
    pipeline: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
}

/// One upload's share; given back on drop.
pub(crate) struct Lane {
    stripe_bytes: usize,
    cost: u32,
    pipeline: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
    _place: OwnedSemaphorePermit,
    _stripe: Option<OwnedSemaphorePermit>,
}

impl WriteBudget {
    pub(crate) fn new() -> Self {
        let pool = |bytes: usize| Arc::new(Semaphore::new(bytes));
        Self {
            lanes: pool(LANES_MAX),
            stripes: pool(STRIPE_POOL_BYTES),
            pipeline: pool(PIPELINE_POOL_BYTES),
            running: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// Admits an upload of about `expected` bytes, whose stripes cost
    /// `total/data` times their length once encoded.
    pub(crate) async fn lane(
        &self,
        expected: Option<u64>,
        code: erasure::Code,
    ) -> Result<Lane, ObjectError> {
        let busy = ObjectError::SlowDown { what: "uploads in progress" };
        let waiting = Arc::clone(&self.lanes).acquire_owned();
        let Ok(Ok(lane)) = tokio::time::timeout(LANE_WAIT_MAX, waiting).await else {
            return Err(busy);
        };
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        let mut stripe_bytes = stripe_bytes_for(expected, running);
        let mut stripe = None;
        while stripe_bytes > CHUNK_BYTES && stripe.is_none() {
            let wanted = permits(stripe_bytes - CHUNK_BYTES);
            stripe = Arc::clone(&self.stripes).try_acquire_many_owned(wanted).ok();
            if stripe.is_none() {
                stripe_bytes /= 2;
            }
        }
        // Parity of a single data fragment is the same bytes again, not a copy.
        let copies = if code.data() == 1 { 1 } else { usize::from(code.total()) };
        let cost = stripe_bytes.saturating_mul(copies) / usize::from(code.data()).max(1);
        Ok(Lane {
            stripe_bytes,
            cost: permits(cost),
            pipeline: Arc::clone(&self.pipeline),
            running: Arc::clone(&self.running),
            _place: lane,
            _stripe: stripe,
        })
    }
}

impl Lane {
    /// Plaintext bytes of a stripe of this part; whole chunks.
    pub(crate) fn stripe_bytes(&self) -> usize {
        self.stripe_bytes
    }

    /// Most stripes of this part behind the one that fills.
    pub(crate) fn depth(&self) -> usize {
        (PIPELINE_BYTES_MAX / self.stripe_bytes.max(1)).clamp(2, PIPELINE_STRIPES_MAX)
    }

    /// Room for one more stripe behind the one that fills, if there is some now.
    pub(crate) fn overlap(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.pipeline).try_acquire_many_owned(self.cost).ok()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// A power of two of chunks: what the body needs, at most a fair share.
fn stripe_bytes_for(expected: Option<u64>, running: usize) -> usize {
    let share = STRIPE_POOL_BYTES / (2 * running.max(1));
    let needed = expected.map_or(STRIPE_BYTES_MAX, |bytes| {
        usize::try_from(bytes).unwrap_or(STRIPE_BYTES_MAX).min(STRIPE_BYTES_MAX)
    });
    let share = share.clamp(CHUNK_BYTES, STRIPE_BYTES_MAX);
    let share = CHUNK_BYTES << (share / CHUNK_BYTES).ilog2();
    needed.max(1).next_multiple_of(CHUNK_BYTES).next_power_of_two().min(share)
}

const _: () = assert!(CHUNK_BYTES.is_power_of_two() && STRIPE_BYTES_MAX.is_power_of_two());

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: Option<u64>, running: usize, stripe_bytes: usize) {
        assert_eq!(stripe_bytes_for(expected, running), stripe_bytes, "{expected:?} {running}");
    }

    #[test]
    fn stripes_shrink_as_uploads_grow_in_number() {
        let kib = 1024;
        check(None, 1, 4096 * kib);
        check(Some(64 << 20), 3, 4096 * kib);
        check(Some(64 << 20), 4, 2048 * kib);
        check(Some(64 << 20), 12, 1024 * kib);
        check(Some(64 << 20), 16, 512 * kib);
        check(Some(64 << 20), 1_000, 64 * kib);
        check(Some(9_000), 1, 64 * kib);
        check(Some(100_000), 1, 128 * kib);
        check(Some(0), 1, 64 * kib);
    }

    #[tokio::test]
    async fn a_thousand_uploads_are_admitted_within_the_pools() {
        let budget = WriteBudget::new();
        let mut lanes = Vec::new();
        let mut reserved = 0;
        for _ in 0..LANES_MAX {
            let lane = budget.lane(Some(5 << 30), erasure::Code::PLAIN).await;
            let lane = lane.unwrap_or_else(|error| panic!("{error}"));
            reserved += lane.stripe_bytes();
            lanes.push(lane);
        }
        assert!(reserved <= STRIPE_POOL_BYTES + LANES_MAX * CHUNK_BYTES, "{reserved}");
        assert!(lanes.iter().all(|lane| lane.stripe_bytes() >= CHUNK_BYTES));
        drop(lanes);
        assert_eq!(budget.running.load(Ordering::Relaxed), 0);
    }
}
