//! Addresses that guess at signatures: shut out for a while, longer each time.
//!
//! A client with a wrong secret fails a few times and is told so each time; one
//! that goes on at a rate is guessing, or broken, and costs a signature check
//! each time. Loopback is never shut out: behind a TLS front every client has
//! that address.
//!
//! **Invariants**
//! - Never more than [`BANS_MAX`] addresses remembered; those that have been
//!   quiet longest go first.
//! - A ban ends by itself, after [`BAN_SECONDS_MAX`] at the latest.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashMap;

use crate::limits::{BAN_FAILURES_FORGOTTEN_SECONDS, BAN_SECONDS, BAN_SECONDS_MAX, BANS_MAX};
use crate::peer_group;

/// What is remembered of one address.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// Failures since the last ban, worn off with time.
    failures: u32,
    /// When the last one was.
    last: Duration,
    /// How many bans there were.
    bans: u32,
    /// Until when it is shut out.
    until: Duration,
}

/// Who failed to sign, and who is shut out for it. Times are since any fixed
/// start, as [`units::Clock::elapsed`] tells them.
#[derive(Debug)]
pub struct SignatureBans {
    failures_max: u32,
    records: HashMap<IpAddr, Record>,
}

impl SignatureBans {
    /// Nobody has failed yet. So many failures shut an address out; 0: none does.
    pub fn new(failures_max: u32) -> Self {
        Self { failures_max, records: HashMap::new() }
    }

    /// How many addresses are remembered.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// How long the address is still shut out, if it is.
    pub fn banned(&self, address: IpAddr, now: Duration) -> Option<Duration> {
        let record = self.records.get(&peer_group(address))?;
        record.until.checked_sub(now).filter(|left| !left.is_zero())
    }

    /// A signature from this address did not verify; says for how long it is
    /// shut out, if this was one too many.
    pub fn failed(&mut self, address: IpAddr, now: Duration) -> Option<Duration> {
        let address = peer_group(address);
        if address.is_loopback() || self.failures_max == 0 {
            return None;
        }
        if !self.records.contains_key(&address) && self.records.len() >= BANS_MAX {
            self.make_room(now);
        }
        let fresh = Record { failures: 0, last: now, bans: 0, until: Duration::ZERO };
        let record = self.records.entry(address).or_insert(fresh);
        let quiet = now.saturating_sub(record.last).as_secs();
        if quiet >= BAN_FAILURES_FORGOTTEN_SECONDS {
            (record.failures, record.bans) = (0, 0);
        }
        record.last = now;
        record.failures += 1;
        if record.failures < self.failures_max {
            return None;
        }
        let seconds =
            BAN_SECONDS.saturating_mul(1_u64.checked_shl(record.bans).unwrap_or(0).max(1));
        let ban = Duration::from_secs(seconds.min(BAN_SECONDS_MAX));
        record.bans = (record.bans + 1).min(16);
        record.failures = 0;
        record.until = now.saturating_add(ban);
        Some(ban)
    }

    /// Forgets who has been quiet long enough; if nobody has, the quarter that has
    /// been quiet longest, so that a flood of addresses costs one look at all of
    /// them now and then.
    fn make_room(&mut self, now: Duration) {
        let forgotten = Duration::from_secs(BAN_FAILURES_FORGOTTEN_SECONDS);
        self.records
            .retain(|_, record| record.until > now || now.saturating_sub(record.last) < forgotten);
        if self.records.len() < BANS_MAX {
            return;
        }
        let mut lasts: Vec<Duration> = self.records.values().map(|record| record.last).collect();
        let (_, edge, _) = lasts.select_nth_unstable(BANS_MAX / 4);
        let edge = *edge;
        self.records.retain(|_, record| record.last > edge);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BAN_FAILURES;

    fn address(last: u32) -> IpAddr {
        IpAddr::from(0xc000_0200_u32.wrapping_add(last).to_be_bytes())
    }

    fn fail(bans: &mut SignatureBans, count: u32, now: Duration) -> Option<Duration> {
        (0..count).filter_map(|_| bans.failed(address(1), now)).last()
    }

    #[test]
    fn guessing_shuts_out_and_longer_each_time() {
        let (mut bans, now) = (SignatureBans::new(BAN_FAILURES), Duration::from_secs(1));
        assert_eq!(fail(&mut bans, BAN_FAILURES - 1, now), None);
        assert_eq!(bans.banned(address(1), now), None, "a few mistakes are no attack");
        let first = fail(&mut bans, 1, now).unwrap();
        assert_eq!(first, Duration::from_secs(BAN_SECONDS));
        assert_eq!(bans.banned(address(1), now), Some(first));
        assert_eq!(bans.banned(address(2), now), None, "others are unharmed");
        let later = now + first;
        assert_eq!(bans.banned(address(1), later), None, "it ends by itself");
        assert_eq!(fail(&mut bans, BAN_FAILURES, later), Some(first * 2));
        let mut at = later;
        for _ in 0..40 {
            at += Duration::from_secs(BAN_SECONDS_MAX) / 2;
            let ban = fail(&mut bans, BAN_FAILURES, at).unwrap();
            assert!(ban <= Duration::from_secs(BAN_SECONDS_MAX), "{ban:?}");
        }
    }

    #[test]
    fn failures_are_forgotten_and_loopback_is_spared() {
        let (mut bans, start) = (SignatureBans::new(BAN_FAILURES), Duration::ZERO);
        assert_eq!(fail(&mut bans, BAN_FAILURES - 1, start), None);
        let later = Duration::from_secs(BAN_FAILURES_FORGOTTEN_SECONDS);
        assert_eq!(fail(&mut bans, BAN_FAILURES - 1, later), None);
        for _ in 0..BAN_FAILURES * 2 {
            assert_eq!(bans.failed(IpAddr::from([127, 0, 0, 1]), start), None);
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut bans = SignatureBans::new(BAN_FAILURES);
        for last in 0..u32::try_from(BANS_MAX).unwrap() + 100 {
            bans.failed(address(last), Duration::from_millis(last.into()));
        }
        assert!(bans.count() <= BANS_MAX && bans.count() > BANS_MAX / 2, "{}", bans.count());
    }
}
