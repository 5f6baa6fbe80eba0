//! How fast one key, one account or one address may ask: token buckets.
//!
//! **Invariants**
//! - Never more buckets than the bound, [`RATE_ENTRIES_MAX`] in all; when there is no room for a
//!   newcomer, all newcomers share one, so that a flood of names cannot push out
//!   those who are being slowed down.
//! - A request takes a token from each of its buckets, or from none.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashMap;

use units::TenantId;

use crate::limits::{RATE_ENTRIES_MAX, RATE_SWEEP_SECONDS};

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second in the long run; at least 1.
    pub per_second: u32,
    /// Requests at once after a rest; at least 1.
    pub burst: u32,
}

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RateKey {
    /// One access key.
    AccessKey(String),
    /// One account.
    Tenant(TenantId),
    /// One address.
    Address(IpAddr),
}

/// Limits per kind; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Per access key.
    pub access_key: Option<Rate>,
    /// Per account.
    pub tenant: Option<Rate>,
    /// Per address.
    pub address: Option<Rate>,
}

/// Too fast; S3 answers `SlowDown` (503).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; the next is served in {retry_after:?}")]
pub struct TooFast {
    /// When a request would be let again.
    pub retry_after: Duration,
}

/// Millionths of a token.
const TOKEN: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at: Duration,
}

impl Bucket {
    const fn full(rate: Rate, at: Duration) -> Self {
        Self { level: rate.burst as u64 * TOKEN, at }
    }

    /// The level at a later moment; time that goes back adds nothing.
    fn refilled(self, rate: Rate, now: Duration) -> Self {
        let micros = u64::try_from(now.saturating_sub(self.at).as_micros()).unwrap_or(u64::MAX);
        let gained = micros.saturating_mul(u64::from(rate.per_second));
        let level = self.level.saturating_add(gained).min(u64::from(rate.burst) * TOKEN);
        Self { level, at: now.max(self.at) }
    }

    fn wait(self, rate: Rate) -> Duration {
        let missing = TOKEN.saturating_sub(self.level);
        Duration::from_micros(missing.div_ceil(u64::from(rate.per_second.max(1))))
    }
}

/// The buckets of everybody who asked lately.
#[derive(Debug)]
pub struct RateLimiter {
    rates: Rates,
    entries_max: usize,
    buckets: HashMap<RateKey, Bucket>,
    newcomers: HashMap<Kind, Bucket>,
    swept: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    AccessKey,
    Tenant,
    Address,
}

impl RateKey {
    const fn kind(&self) -> Kind {
        match self {
            Self::AccessKey(_) => Kind::AccessKey,
            Self::Tenant(_) => Kind::Tenant,
            Self::Address(_) => Kind::Address,
        }
    }
}

impl RateLimiter {
    /// A limiter that has seen nobody.
    pub fn new(rates: Rates) -> Self {
        Self::bounded(rates, RATE_ENTRIES_MAX)
    }

    /// A limiter that remembers at most so many, for who keeps several.
    pub fn bounded(rates: Rates, entries_max: usize) -> Self {
        Self {
            rates,
            entries_max,
            buckets: HashMap::new(),
            newcomers: HashMap::new(),
            swept: Duration::ZERO,
        }
    }

    /// How many buckets are kept.
    pub fn count(&self) -> usize {
        self.buckets.len()
    }

    /// Lets a request through or says when to come back. `now` is the time since
    /// any fixed start, as [`units::Clock::elapsed`] tells it.
    pub fn admit(&mut self, keys: &[RateKey], now: Duration) -> Result<(), TooFast> {
        let limited: Vec<(&RateKey, Rate)> =
            keys.iter().filter_map(|key| Some((key, self.rate(key)?))).collect();
        let mut wait = Duration::ZERO;
        for (key, rate) in &limited {
            let bucket = self.bucket(key, *rate, now);
            if bucket.level < TOKEN {
                wait = wait.max(bucket.wait(*rate));
            }
        }
        if !wait.is_zero() {
            return Err(TooFast { retry_after: wait });
        }
        for (key, rate) in limited {
            self.take(key, rate, now);
        }
        Ok(())
    }

    fn rate(&self, key: &RateKey) -> Option<Rate> {
        match key.kind() {
            Kind::AccessKey => self.rates.access_key,
            Kind::Tenant => self.rates.tenant,
            Kind::Address => self.rates.address,
        }
    }

    fn bucket(&self, key: &RateKey, rate: Rate, now: Duration) -> Bucket {
        let known = self.buckets.get(key).copied();
        let known = known.or_else(|| {
            let crowded = self.buckets.len() >= self.entries_max;
            crowded.then(|| self.newcomers.get(&key.kind()).copied()).flatten()
        });
        known.map_or_else(|| Bucket::full(rate, now), |bucket| bucket.refilled(rate, now))
    }

    fn take(&mut self, key: &RateKey, rate: Rate, now: Duration) {
        let mut bucket = self.bucket(key, rate, now);
        bucket.level = bucket.level.saturating_sub(TOKEN);
        if !self.buckets.contains_key(key) {
            self.sweep(now);
            if self.buckets.len() >= self.entries_max {
                self.newcomers.insert(key.kind(), bucket);
                return;
            }
        }
        self.buckets.insert(key.clone(), bucket);
    }

    /// Forgets those who are full again: a new bucket would be the same. At most
    /// once in a while, since it looks at all of them.
    fn sweep(&mut self, now: Duration) {
        let due = self.swept + Duration::from_secs(RATE_SWEEP_SECONDS);
        if self.buckets.len() < self.entries_max || now < due {
            return;
        }
        self.swept = now;
        let rates = self.rates;
        self.buckets.retain(|key, bucket| {
            let rate = match key.kind() {
                Kind::AccessKey => rates.access_key,
                Kind::Tenant => rates.tenant,
                Kind::Address => rates.address,
            };
            rate.is_some_and(|rate| {
                bucket.refilled(rate, now).level < u64::from(rate.burst) * TOKEN
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 5 };

    fn limiter() -> RateLimiter {
        RateLimiter::new(Rates { access_key: Some(RATE), ..Rates::default() })
    }

    fn key(name: &str) -> RateKey {
        RateKey::AccessKey(name.to_owned())
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut limiter = limiter();
        let keys = [key("a")];
        let at = Duration::from_millis;
        for _ in 0..5 {
            assert_eq!(limiter.admit(&keys, at(0)), Ok(()));
        }
        assert_eq!(limiter.admit(&keys, at(0)), Err(TooFast { retry_after: at(100) }));
        assert_eq!(limiter.admit(&keys, at(99)).unwrap_err().retry_after, at(1));
        assert_eq!(limiter.admit(&keys, at(100)), Ok(()));
        assert!(limiter.admit(&keys, at(100)).is_err());
        assert!(limiter.admit(&keys, at(50)).is_err(), "time that goes back gives nothing");
        assert_eq!(limiter.admit(&[key("b")], at(100)), Ok(()), "others are unharmed");
    }

    #[test]
    fn a_refused_request_takes_no_token_elsewhere() {
        let tenant = RateKey::Tenant(TenantId::from_u128(1));
        let mut limiter = RateLimiter::new(Rates {
            access_key: Some(Rate { per_second: 1, burst: 1 }),
            tenant: Some(Rate { per_second: 1, burst: 2 }),
            address: None,
        });
        let now = Duration::ZERO;
        assert!(limiter.admit(&[key("a"), tenant.clone()], now).is_ok());
        for _ in 0..10 {
            assert!(limiter.admit(&[key("a"), tenant.clone()], now).is_err());
        }
        assert!(limiter.admit(&[key("b"), tenant.clone()], now).is_ok());
        assert!(limiter.admit(&[key("c"), tenant], now).is_err());
    }

    #[test]
    fn the_table_is_bounded_and_a_flood_of_names_is_slowed_down() {
        let mut limiter = limiter();
        let slowed = [key("slowed")];
        for _ in 0..5 {
            limiter.admit(&slowed, Duration::ZERO).unwrap();
        }
        let mut admitted = 0;
        for name in 0..RATE_ENTRIES_MAX + 1_000 {
            let flood = [key(&format!("flood {name}"))];
            admitted += usize::from(limiter.admit(&flood, Duration::ZERO).is_ok());
        }
        assert!(limiter.count() <= RATE_ENTRIES_MAX);
        assert!(admitted <= RATE_ENTRIES_MAX + 5, "{admitted}");
        assert!(limiter.admit(&slowed, Duration::ZERO).is_err(), "not pushed out");
        // An hour later everybody is full again and forgotten.
        let later = Duration::from_hours(1);
        assert!(limiter.admit(&[key("new")], later).is_ok());
        assert_eq!(limiter.count(), 1);
    }
}
