//! Object lock: what may not be deleted before when.
//!
//! Part of the bucket and object records; S3 User Guide, "Locking objects with
//! Object Lock".

use core::time::Duration;

use serde::{Deserialize, Serialize};
use units::Timestamp;

/// How strictly a retention binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionMode {
    /// Who has the right to bypass may shorten or delete.
    Governance,
    /// Nobody may, before the date.
    Compliance,
}

/// A version may not be deleted before a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How strictly.
    pub mode: RetentionMode,
    /// The first instant at which it binds no more.
    pub until: Timestamp,
}

impl Retention {
    /// Whether it binds at this instant.
    pub fn binds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// How long a default retention lasts, in the unit the client used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefaultRetentionPeriod {
    /// Days of 24 hours.
    Days(u32),
    /// Years of 365 days.
    Years(u32),
}

/// The retention a bucket gives to versions that bring none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// How strictly.
    pub mode: RetentionMode,
    /// For how long.
    pub period: DefaultRetentionPeriod,
}

const DAY: Duration = Duration::from_hours(24);

impl DefaultRetention {
    /// The retention of a version written at this instant.
    pub fn starting_at(&self, at: Timestamp) -> Retention {
        let days = match self.period {
            DefaultRetentionPeriod::Days(days) => days,
            DefaultRetentionPeriod::Years(years) => years.saturating_mul(365),
        };
        Retention { mode: self.mode, until: at.after(DAY.saturating_mul(days)) }
    }
}

/// Object lock of a bucket that has it switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLock {
    /// What versions get that bring no retention of their own.
    pub default_retention: Option<DefaultRetention>,
}
