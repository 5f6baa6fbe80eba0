//! Slows down those who guess passwords, and nobody else.
//!
//! Tries are counted twice, in buckets that refill slowly: for each name from each
//! address, and, more generously, for each name from all strange addresses together.
//! The first stops one address, the second many that guess at one name. An address
//! that an administrator has logged in from is strange no more: from there only its
//! own tries count, so that nobody elsewhere can keep them out (the
//! trusted client of OWASP's "Slow Down Online Guessing Attacks with Device Cookies",
//! told by its address).
//!
//! An IPv6 address stands for its /64, which one host owns whole. All names that are
//! nobody's count as one. Nothing is kept over a restart.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::limits::{
    LOGIN_BURST, LOGIN_HOMES_MAX, LOGIN_NAME_BURST, LOGIN_NAME_REFILL, LOGIN_PAIRS_MAX,
    LOGIN_REFILL,
};

#[derive(Clone, Copy)]
struct Tries {
    left: u32,
    since: Duration,
}

/// How many tries there are at once, and how long until there is one more.
#[derive(Clone, Copy)]
struct Pace {
    burst: u32,
    refill: Duration,
}

const OF_PAIR: Pace = Pace { burst: LOGIN_BURST, refill: LOGIN_REFILL };
const OF_NAME: Pace = Pace { burst: LOGIN_NAME_BURST, refill: LOGIN_NAME_REFILL };

impl Tries {
    fn all(pace: Pace, now: Duration) -> Self {
        Self { left: pace.burst, since: now }
    }

    /// Counts what has come back since; how long to wait if there is none.
    fn check(&mut self, pace: Pace, now: Duration) -> Result<(), Duration> {
        let waited = now.saturating_sub(self.since);
        let refills = waited.as_millis() / pace.refill.as_millis();
        if refills > 0 {
            let refills = u32::try_from(refills).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(refills).min(pace.burst);
            self.since = now;
        }
        if self.left == 0 { Err(pace.refill.saturating_sub(waited)) } else { Ok(()) }
    }

    fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

/// Tries left, by name and address.
#[derive(Default)]
pub(super) struct Gate {
    pairs: BTreeMap<(String, IpAddr), Tries>,
    names: BTreeMap<String, Tries>,
    /// Where each administrator has logged in from, the last one at the end.
    homes: BTreeMap<String, VecDeque<IpAddr>>,
}

/// What all names that are nobody's are counted as.
const NOBODY: &str = "";

impl Gate {
    /// Takes a try; how long to wait if none is left. `known` says whether the
    /// name is an administrator's, which bounds how many names there are.
    pub(super) fn enter(
        &mut self,
        name: &str,
        known: bool,
        from: IpAddr,
        now: Duration,
    ) -> Result<(), Duration> {
        let name = if known { name } else { NOBODY };
        let from = network(from);
        let is_home = self.homes.get(name).is_some_and(|homes| homes.contains(&from));
        let pair = (name.to_owned(), from);
        if !self.pairs.contains_key(&pair) {
            self.make_room(now);
        }
        let of_pair = self.pairs.entry(pair).or_insert_with(|| Tries::all(OF_PAIR, now));
        of_pair.check(OF_PAIR, now)?;
        if !is_home {
            let of_name = Tries::all(OF_NAME, now);
            let of_name = self.names.entry(name.to_owned()).or_insert(of_name);
            of_name.check(OF_NAME, now)?;
            of_name.take();
        }
        of_pair.take();
        Ok(())
    }

    /// The password was right: the try is given back, and the address is a home.
    pub(super) fn pass(&mut self, name: &str, from: IpAddr) {
        let from = network(from);
        self.pairs.remove(&(name.to_owned(), from));
        if let Some(of_name) = self.names.get_mut(name) {
            of_name.left = of_name.left.saturating_add(1).min(LOGIN_NAME_BURST);
        }
        let homes = self.homes.entry(name.to_owned()).or_default();
        homes.retain(|home| *home != from);
        homes.push_back(from);
        if homes.len() > LOGIN_HOMES_MAX {
            homes.pop_front();
        }
    }

    /// Forgets pairs that have all their tries again; if there is none, the one that
    /// was seen to longest ago. Its name is still counted.
    fn make_room(&mut self, now: Duration) {
        if self.pairs.len() < LOGIN_PAIRS_MAX {
            return;
        }
        self.pairs.retain(|_, tries| {
            let _ = tries.check(OF_PAIR, now);
            tries.left < OF_PAIR.burst
        });
        if self.pairs.len() < LOGIN_PAIRS_MAX {
            return;
        }
        let oldest = self.pairs.iter().min_by_key(|(_, tries)| tries.since);
        if let Some(oldest) = oldest.map(|(pair, _)| pair.clone()) {
            self.pairs.remove(&oldest);
        }
    }
}

/// What stands for all addresses that one host can take.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};
    use core::time::Duration;

    use super::{Gate, network};
    use crate::limits::{
        LOGIN_BURST, LOGIN_HOMES_MAX, LOGIN_NAME_BURST, LOGIN_PAIRS_MAX, LOGIN_REFILL,
    };

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn stranger(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + number))
    }

    #[test]
    fn guessing_is_slowed_and_the_rightful_are_not() {
        let mut gate = Gate::default();
        let now = Duration::from_secs(100);
        for _ in 0..LOGIN_BURST {
            assert_eq!(gate.enter("admin", true, HOME, now), Ok(()));
        }
        assert_eq!(gate.enter("admin", true, HOME, now), Err(LOGIN_REFILL));
        assert_eq!(gate.enter("other", true, HOME, now), Ok(()), "one bucket each");
        assert_eq!(gate.enter("admin", true, stranger(1), now), Ok(()), "and for each address");
        assert_eq!(gate.enter("admin", true, HOME, now + LOGIN_REFILL), Ok(()));
        assert!(gate.enter("admin", true, HOME, now + LOGIN_REFILL).is_err());
    }

    #[test]
    fn made_up_names_share_a_bucket() {
        let mut gate = Gate::default();
        for number in 0..LOGIN_BURST {
            assert_eq!(gate.enter(&number.to_string(), false, HOME, Duration::ZERO), Ok(()));
        }
        assert!(gate.enter("another", false, HOME, Duration::ZERO).is_err());
        assert_eq!((gate.names.len(), gate.pairs.len()), (1, 1));
    }

    #[test]
    fn a_right_password_empties_the_slate() {
        let mut gate = Gate::default();
        for _ in 0..100 {
            assert_eq!(gate.enter("admin", true, HOME, Duration::ZERO), Ok(()));
            gate.pass("admin", HOME);
        }
    }

    /// As many tries at `admin` as are let through, from this many strange addresses.
    fn guesses(gate: &mut Gate, addresses: u32, now: Duration) -> u32 {
        let mut let_through = 0;
        for number in 0..addresses {
            while gate.enter("admin", true, stranger(number), now).is_ok() {
                let_through += 1;
            }
        }
        let_through
    }

    #[test]
    fn many_addresses_are_stopped_and_a_home_is_not() {
        let mut gate = Gate::default();
        let now = Duration::from_secs(100);
        assert_eq!(gate.enter("admin", true, HOME, now), Ok(()));
        gate.pass("admin", HOME);
        assert_eq!(guesses(&mut gate, 1_000, now), LOGIN_NAME_BURST);
        assert!(gate.enter("admin", true, stranger(2_000), now).is_err(), "a strange address");
        for _ in 0..LOGIN_BURST {
            assert_eq!(gate.enter("admin", true, HOME, now), Ok(()), "where they always are");
        }
        assert!(gate.enter("admin", true, HOME, now).is_err(), "there one may not guess either");
        assert_eq!(gate.enter("other", true, stranger(2_000), now), Ok(()), "another name");
    }

    #[test]
    fn one_address_never_stops_the_others() {
        let mut gate = Gate::default();
        for second in 0..10_000 {
            let now = Duration::from_secs(second);
            let _ = gate.enter("admin", true, stranger(1), now);
        }
        assert_eq!(gate.enter("admin", true, HOME, Duration::from_secs(10_000)), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut gate = Gate::default();
        for number in 0..2 * u32::try_from(LOGIN_PAIRS_MAX).expect("a small number") {
            // Some of them can be forgotten for good, most cannot.
            let now = Duration::from_millis(u64::from(number));
            let _ = gate.enter("admin", true, stranger(number), now);
            gate.pass(&format!("somebody {}", number % 3), stranger(number));
        }
        assert!(gate.pairs.len() <= LOGIN_PAIRS_MAX);
        assert!(gate.homes.values().all(|homes| homes.len() == LOGIN_HOMES_MAX));
    }

    #[test]
    fn a_host_is_one_network() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(network(address).to_string(), expected);
        }
    }
}
