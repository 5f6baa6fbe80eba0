//! What has been done to each site, and since when: what the cluster is to tell of it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a site is like now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs and reaches all others that are well.
    Well,
    /// Its process is gone.
    Killed,
    /// Its process hangs.
    Stopped,
    /// It is cut off from all sites that are well.
    Cut,
    /// Packets are lost or late; what the others know of it is anybody's guess.
    Rough,
}

/// All sites.
pub struct Weather {
    start: Instant,
    began: OffsetDateTime,
    sites: Mutex<Vec<(Condition, Duration)>>,
}

impl Weather {
    /// So many sites, all well from now on.
    pub fn new(sites: usize) -> Self {
        Self {
            start: Instant::now(),
            began: OffsetDateTime::now_utc(),
            sites: Mutex::new(vec![(Condition::Well, Duration::ZERO); sites]),
        }
    }

    /// Time since the laboratory was opened: the clock of histories and faults.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The same of an instant as sites write it; zero before the start, none if it is no
    /// instant.
    pub fn at(&self, written: &str) -> Option<Duration> {
        let at = OffsetDateTime::parse(written, &Rfc3339).ok()?;
        Some(Duration::try_from(at - self.began).unwrap_or_default())
    }

    /// A site is like this from now on.
    pub fn set(&self, site: usize, condition: Condition) {
        let now = self.now();
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sites.get_mut(site) {
            *known = (condition, now);
        }
    }

    /// What each site is like, and since when.
    pub fn all(&self) -> Vec<(Condition, Duration)> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
