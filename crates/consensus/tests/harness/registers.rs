//! Registers that only grow, written and read everywhere: what is read must never be less
//! than what was acknowledged before, nor more than was ever begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::sim_cluster::{read, write};

/// Of each register, what was begun and what was acknowledged; each has one writer, so
/// the latest value is the largest.
#[derive(Default)]
pub struct Registers {
    begun: [AtomicU64; 5],
    acknowledged: [AtomicU64; 5],
}

/// Writes a register until then; how often that was acknowledged.
pub async fn write_until(
    until: Instant,
    consensus: consensus::Consensus,
    registers: Arc<Registers>,
    register: usize,
) -> u64 {
    let mut count = 0;
    while Instant::now() < until {
        let next = registers.begun[register].fetch_add(1, Ordering::SeqCst) + 1;
        if write(&consensus, register, next).await.is_ok() {
            registers.acknowledged[register].store(next, Ordering::SeqCst);
            count += 1;
        }
    }
    count
}

/// Reads a register until then, and holds it against what may be read; how often.
pub async fn read_until(
    until: Instant,
    consensus: consensus::Consensus,
    registers: Arc<Registers>,
    register: usize,
) -> u64 {
    let mut count = 0;
    let mut seen = 0;
    while Instant::now() < until {
        let least = registers.acknowledged[register].load(Ordering::SeqCst).max(seen);
        let Some(value) = read(&consensus, register).await else { continue };
        let most = registers.begun[register].load(Ordering::SeqCst);
        assert!(
            (least..=most).contains(&value),
            "register {register}: {value} was read, {least} had been acknowledged or read, \
             {most} begun"
        );
        seen = value;
        count += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    count
}
