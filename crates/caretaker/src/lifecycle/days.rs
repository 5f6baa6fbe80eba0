//! How long a rule's day is.

use core::time::Duration;

use units::Timestamp;

const DAY_SECONDS: i64 = 86_400;

/// How long a rule's day is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Days {
    /// 24 hours, and what is due is due at the next midnight (UTC), as S3 has it.
    #[default]
    Real,
    /// So long, for tests of whole systems; nothing is rounded.
    Shortened(Duration),
}

impl Days {
    /// When something is due that happened `at` and has so many days.
    pub fn due(self, at: Timestamp, days: u32) -> Timestamp {
        match self {
            Self::Shortened(day) => at.after(day.saturating_mul(days)),
            Self::Real => {
                let day = Duration::from_secs(DAY_SECONDS.unsigned_abs());
                next_midnight(at.after(day.saturating_mul(days)))
            }
        }
    }
}

/// This midnight, or the next one.
fn next_midnight(at: Timestamp) -> Timestamp {
    let day_micros = DAY_SECONDS * 1_000_000;
    match at.micros().rem_euclid(day_micros) {
        0 => at,
        into_day => Timestamp::from_micros(at.micros().saturating_add(day_micros - into_day)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_days_end_at_the_next_midnight() {
        let at = Timestamp::from_seconds(10 * DAY_SECONDS + 3_600);
        assert_eq!(Days::Real.due(at, 1), Timestamp::from_seconds(12 * DAY_SECONDS));
        let midnight = Timestamp::from_seconds(10 * DAY_SECONDS);
        assert_eq!(Days::Real.due(midnight, 1), Timestamp::from_seconds(11 * DAY_SECONDS));
    }

    #[test]
    fn shortened_days_are_not_rounded() {
        let days = Days::Shortened(Duration::from_secs(10));
        let at = Timestamp::from_seconds(7);
        assert_eq!(days.due(at, 5), Timestamp::from_seconds(57));
    }
}
