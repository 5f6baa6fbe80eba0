//! Slows down those who guess passwords.
//!
//! Each administrator has a bucket of tries that refills slowly; all unknown
//! names share one. A right password gives the try back, so whoever knows theirs
//! is slowed only while somebody else guesses at the same name.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::limits::{LOGIN_BURST, LOGIN_REFILL};

#[derive(Clone, Copy)]
struct Tries {
    left: u32,
    since: Duration,
}

/// Tries left, by administrator.
#[derive(Default)]
pub(super) struct Gate {
    known: BTreeMap<String, Tries>,
}

/// The bucket of all names that are nobody's.
const NOBODY: &str = "";

impl Gate {
    /// Takes a try; how long to wait if none is left. `known` says whether the
    /// name is an administrator's, which bounds how many buckets there are.
    pub(super) fn enter(&mut self, name: &str, known: bool, now: Duration) -> Result<(), Duration> {
        let name = if known { name } else { NOBODY };
        let full = Tries { left: LOGIN_BURST, since: now };
        let tries = self.known.entry(name.to_owned()).or_insert(full);
        let waited = now.saturating_sub(tries.since);
        let refills = waited.as_secs() / LOGIN_REFILL.as_secs();
        if refills > 0 {
            let refills = u32::try_from(refills).unwrap_or(u32::MAX);
            tries.left = tries.left.saturating_add(refills).min(LOGIN_BURST);
            tries.since = now;
        }
        if tries.left == 0 {
            return Err(LOGIN_REFILL.saturating_sub(waited));
        }
        tries.left = tries.left.saturating_sub(1);
        Ok(())
    }

    /// The password was right.
    pub(super) fn pass(&mut self, name: &str) {
        self.known.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::Gate;
    use crate::limits::{LOGIN_BURST, LOGIN_REFILL};

    #[test]
    fn guessing_is_slowed_and_the_rightful_are_not() {
        let mut gate = Gate::default();
        let now = Duration::from_secs(100);
        for _ in 0..LOGIN_BURST {
            assert_eq!(gate.enter("admin", true, now), Ok(()));
        }
        assert_eq!(gate.enter("admin", true, now), Err(LOGIN_REFILL));
        assert_eq!(gate.enter("other", true, now), Ok(()), "one bucket each");
        assert_eq!(gate.enter("admin", true, now + LOGIN_REFILL), Ok(()));
        assert!(gate.enter("admin", true, now + LOGIN_REFILL).is_err());
    }

    #[test]
    fn made_up_names_share_a_bucket() {
        let mut gate = Gate::default();
        for number in 0..LOGIN_BURST {
            assert_eq!(gate.enter(&number.to_string(), false, Duration::ZERO), Ok(()));
        }
        assert!(gate.enter("another", false, Duration::ZERO).is_err());
        assert_eq!(gate.known.len(), 1);
    }

    #[test]
    fn a_right_password_empties_the_slate() {
        let mut gate = Gate::default();
        for _ in 0..100 {
            assert_eq!(gate.enter("admin", true, Duration::ZERO), Ok(()));
            gate.pass("admin");
        }
    }
}
