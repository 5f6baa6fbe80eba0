//! What the sites there are let a rule promise: codes, from the best to the least.
//!
//! The sites that are expected (active and permitted, whether or not they answer or have
//! room now) give the promise. What can be written now is as good as that if possible:
//! with a site or two away, codes of fewer data fragments survive as much. It is never
//! less than the rule asks for, nor less than one site of two.
//!
//! With a home, which holds k fragments and may vanish, s losses need `m = k + s - 1`.

use super::candidates::Candidates;
use super::search::TooLong;
use crate::Geometry;
use crate::refusal::{Asked, Refusal};

/// What is promised of each part that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// There is one site: what its disks give.
    Disks,
    /// One code and no other.
    Exact {
        /// The code.
        geometry: Geometry,
        /// Losses of failure domains survived.
        survive: u8,
    },
    /// Codes with at most so many data fragments.
    Table {
        /// Most data fragments.
        data_max: u8,
        /// Losses of failure domains survived, if all sites can take their fragment.
        best: u8,
        /// Losses survived at least.
        least: u8,
    },
}

/// One code that would keep a promise, and what of it may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) geometry: Geometry,
    /// Fragments at home.
    pub(super) at_home: usize,
    /// Fragments elsewhere, each on a site of its own.
    pub(super) elsewhere: usize,
    /// Losses of failure domains survived.
    pub(super) survive: usize,
}

impl Code {
    fn of(data: u8, survive: u8, has_home: bool) -> Self {
        let parity = if has_home { data + survive - 1 } else { survive };
        Self::exact(Geometry::of(data, parity), survive, has_home)
    }

    fn exact(geometry: Geometry, survive: u8, has_home: bool) -> Self {
        let at_home = if has_home { usize::from(geometry.data()) } else { 0 };
        let elsewhere = usize::from(geometry.total()) - at_home;
        Self { geometry, at_home, elsewhere, survive: usize::from(survive) }
    }

    /// How many sites elsewhere may be away while it is written: what is durable at once
    /// is to survive the loss of any one failure domain. Nothing if it cannot be.
    pub(super) fn away_max(&self, home_is_away: bool) -> Option<usize> {
        let data = usize::from(self.geometry.data());
        let needed = if self.at_home == 0 || home_is_away { data + 1 } else { data };
        self.elsewhere.checked_sub(needed)
    }
}

impl Promise {
    /// Its codes, the best first: survival before room.
    pub(super) fn codes(self, has_home: bool) -> Vec<Code> {
        match self {
            Self::Disks => Vec::new(),
            Self::Exact { geometry, survive } => vec![Code::exact(geometry, survive, has_home)],
            Self::Table { data_max, best, least } => {
                let data = |survive| (1..=data_max).rev().map(move |data| (data, survive));
                let codes = (least..=best).rev().flat_map(data);
                codes.map(|(data, survive)| Code::of(data, survive, has_home)).collect()
            }
        }
    }

    /// How many sites are needed at least.
    pub(super) fn sites_least(self, has_home: bool) -> usize {
        let least = self.codes(has_home).into_iter();
        least.map(|code| code.elsewhere + usize::from(has_home)).min().unwrap_or(1)
    }
}

impl Candidates {
    /// What the rule and the table promise with the sites that are expected.
    pub(super) fn promised(&self) -> Result<Promise, Refusal> {
        let number = self.number(self.all()).map_err(|TooLong| Refusal::SearchTooLong)?;
        let has_home = self.home.is_some();
        let survive = self.rule.survive_least();
        let too_few = |asked, wanted| {
            let refusal = self.too_few(asked, wanted, self.all(), Vec::new());
            refusal.unwrap_or(Refusal::SearchTooLong)
        };
        if let Some(geometry) = self.rule.geometry {
            let survive = survive.unwrap_or_else(|| most_survived(geometry, has_home));
            let promise = Promise::Exact { geometry, survive };
            let wanted = promise.sites_least(has_home);
            let kept = number >= wanted;
            return if kept {
                Ok(promise)
            } else {
                Err(too_few(Asked::Geometry(geometry), wanted))
            };
        }
        if let Some(survive) = survive {
            let wanted = usize::from(survive) + 1;
            if number < wanted {
                return Err(too_few(Asked::Survive(survive), wanted));
            }
        }
        let Some(table) = Geometry::for_sites(number, self.rule.prefer) else {
            return Ok(Promise::Disks);
        };
        let best = table.parity().max(survive.unwrap_or(1));
        let others = u8::try_from(number - 1).unwrap_or(u8::MAX);
        // Home or not: so many data fragments leave room for what is to be survived.
        let room = others + 1 - best;
        let data_max = table.data().min(room);
        assert!(data_max > 0, "more sites go together than may vanish");
        Ok(Promise::Table { data_max, best, least: survive.unwrap_or(1) })
    }
}

/// Losses of failure domains that a code survives; with a home, which is one of them.
fn most_survived(geometry: Geometry, has_home: bool) -> u8 {
    let (data, parity) = (geometry.data(), geometry.parity());
    if has_home { (parity + 1).saturating_sub(data) } else { parity }
}
