//! What is moving between sites: the row by which every node knows what the leader does.
//!
//! ```text
//! 2 | postcard Moves
//! ```

use std::collections::BTreeMap;

use catalog::{Job, ReadError, SealedBytes, View};
use serde::{Deserialize, Serialize};
use units::{Epoch, PartId, SiteId};

/// Another version is counted anew, by whoever leads.
const VERSION: u8 = 2;

/// Where the walk over all parts is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MovesPhase {
    /// It counts what is to move.
    #[default]
    Counting,
    /// It moves it.
    Moving,
    /// There is nothing to move now.
    Resting,
}

/// Slots and their bytes, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// How many.
    pub slots: u64,
    /// Bytes of objects in them.
    pub bytes: u64,
}

impl Slots {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.slots += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(crate) fn take(&mut self, bytes: u64) {
        self.slots = self.slots.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// What of one site moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteMoves {
    /// Slots that are still to leave it.
    pub leaves: Slots,
    /// Slots that must not stay and cannot move now: no other place is right for them, or
    /// their part waits for a repair first.
    pub stays: Slots,
    /// Slots of deleted data that lie at a site which is emptied, and are not cleared away yet:
    /// as long as there are any, it is not removed.
    pub clearing: Slots,
    /// Slots that have left since the site map is as it is.
    pub left: Slots,
    /// Slots that have come since then.
    pub came: Slots,
}

/// What is moving between sites, as the leader last said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// By which version of the site map.
    pub epoch: Epoch,
    /// What the walk does.
    pub phase: MovesPhase,
    /// Whether what is to move was counted whole since the map is as it is. Before, the
    /// numbers say less than there is.
    pub counted: bool,
    /// The sites that have something to say.
    pub sites: BTreeMap<SiteId, SiteMoves>,
    /// Slots that would make sites more equally full, at most; they are in no site's
    /// `leaves`.
    pub balance: Slots,
    /// Copies that are still to be made, of parts that are kept whole in each slot and
    /// survive too little; they are in no site's `leaves`.
    pub copies: Slots,
    /// Parts that do not lie as their policy wants and that no move mends.
    pub stuck: u64,
    /// Of these, parts that survive less than their policy asks for.
    pub at_risk: u64,
    /// Why one of them does not move, in words.
    pub why: Option<String>,
    /// Parts that wait for a repair, or for it to be known whose they are.
    pub waiting: u64,
    /// Bytes that move in a second, over the last minute of moving.
    pub bytes_per_second: Option<u64>,
    /// Seconds until the counted is moved, at that rate.
    pub seconds_left: Option<u64>,
    /// Up to where the walk is.
    pub(crate) after: Option<PartId>,
    /// Parts that are to be cut anew, since no move mends them, and their bytes. What of them
    /// is to leave a site is in its `leaves` too.
    pub recuts: Slots,
}

impl Moves {
    /// What the catalog has of it; none if nothing was ever to move, or if it is of a later
    /// version.
    pub fn of(view: &View) -> Result<Option<Self>, ReadError> {
        let job = view.job(&Job::moves())?;
        Ok(job.and_then(|job| match job.state.as_slice().split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }))
    }

    /// Everything that is to leave a site, to be copied or cut anew, or for balance.
    pub fn to_move(&self) -> Slots {
        let mut all = self.balance;
        let leaves = self.sites.values().map(|site| site.leaves);
        for more in leaves.chain([self.copies, self.recuts]) {
            all.slots = all.slots.saturating_add(more.slots);
            all.bytes = all.bytes.saturating_add(more.bytes);
        }
        all
    }

    /// Whether a site that is emptied has deleted data that is not cleared away yet.
    pub(crate) fn clears(&self) -> bool {
        self.sites.values().any(|site| site.clearing.slots > 0)
    }

    pub(crate) fn encode(&self) -> SealedBytes {
        SealedBytes::new(postcard::to_extend(self, vec![VERSION]).unwrap_or_default())
    }

    pub(crate) fn site(&mut self, site: SiteId) -> &mut SiteMoves {
        self.sites.entry(site).or_default()
    }

    /// Takes over what another has counted, and keeps what was moved.
    pub(crate) fn counted_take(&mut self, tally: Self) {
        for site in self.sites.values_mut() {
            (site.leaves, site.stays, site.clearing) = Default::default();
        }
        for (id, counted) in &tally.sites {
            let site = self.site(*id);
            (site.leaves, site.stays) = (counted.leaves, counted.stays);
            site.clearing = counted.clearing;
        }
        (self.balance, self.copies, self.waiting) = (tally.balance, tally.copies, tally.waiting);
        self.recuts = tally.recuts;
        (self.stuck, self.at_risk, self.why) = (tally.stuck, tally.at_risk, tally.why);
        self.counted = true;
    }
}
