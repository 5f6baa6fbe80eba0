//! Custody: each site is asked for what it should have, and what it answers is kept.
//!
//! ```text
//! walk over all parts: draws so many fragments of each site ──> ask each site for one
//!        ^                                                         │ every minute
//!        └──────────────────── none is left ───────────────────────┘
//! ```
//! Whoever leads does it. A fragment that is missing, damaged or wrong is given to the
//! repair, and the signed answer to the catalog at once; those that held are only counted,
//! and the last one of each node is kept.
//!
//! **Invariants**
//! - Any fragment of a site is drawn with the same chance ([`caretaker::CustodyDraw`]).
//! - Who does not answer is not accused.

mod ask;
mod compare;
mod sign;

use core::time::Duration;
use std::collections::BTreeMap;

use caretaker::{CustodyDraw, CustodyDrawn};
use catalog::command::{CustodyNote, CustodyNoted};
use catalog::limits::CUSTODY_NOTED_MAX;
use catalog::{Command, CustodyProof, CustodyVerdict, PartRow, SiteMap};
use fragments::FragmentName;
use futures::future::join_all;
use serde::Serialize;
use units::{ClusterId, DiskId, FragmentNumber, NodeId, PartId, SiteId, planted};

use self::ask::{Asked, Asker};
pub use self::sign::{CustodyIdentity, custody_is_signed};
use crate::census::name_of;
use crate::limits::{
    CUSTODY_DRAWN, CUSTODY_SAVE_EVERY, CUSTODY_STALE_MAX, DISTRUSTED_MAX, PRESENCE_PAGE,
};
use crate::planted::CUSTODY_SPARES;
use crate::{Steward, StewardError};

/// What came of the questions since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CustodyCounts {
    /// Answers that held.
    pub held: u64,
    /// Answers that did not.
    pub failed: u64,
    /// Questions that a node left unanswered although it was there.
    pub silent: u64,
    /// Times that the fragments of a stripe did not agree and nobody could say who is wrong.
    pub disputed: u64,
}

/// How far the questions are.
#[derive(Default)]
pub(crate) struct CustodyRound {
    walk: Option<Walk>,
    drawn: BTreeMap<SiteId, Vec<CustodyDrawn>>,
    /// When the next questions are due.
    next_at: Duration,
    /// What the catalog has not been told yet, and since when.
    noted: BTreeMap<NodeId, CustodyNoted>,
    saved_at: Duration,
}

/// The walk over all parts that draws.
struct Walk {
    after: Option<PartId>,
    sites: BTreeMap<DiskId, SiteId>,
    draws: BTreeMap<SiteId, CustodyDraw>,
}

impl Walk {
    fn begin(map: &SiteMap) -> Self {
        let disks = map.nodes.iter().flat_map(|node| {
            let site = node.site;
            node.disks.iter().map(move |disk| (*disk, site))
        });
        Self { after: None, sites: disks.collect(), draws: BTreeMap::new() }
    }

    fn pass(&mut self, part: PartId, row: &PartRow, random: &dyn units::Random) {
        for (slot, disk) in (0_u8..).zip(&row.slots) {
            let Some(site) = self.sites.get(disk) else { continue };
            let draw = self.draws.entry(*site).or_insert_with(|| CustodyDraw::new(CUSTODY_DRAWN));
            draw.pass(part, FragmentNumber::new(slot), row.stripe_count, random);
        }
    }
}

impl Steward {
    /// From now on, when it leads, it asks the sites of this cluster for what they keep, as
    /// this node.
    pub fn custody_begin(&self, cluster: ClusterId, me: NodeId) {
        // Said once at the start; who says it again says the same.
        let _ = self.shared.custodian.set((cluster, me));
    }

    /// Draws, or asks each site for one fragment if it is time; whether there is more to do
    /// now.
    // Cancel-safety: may be cut anywhere; an answer that came and was not kept is lost, and
    // its fragment is asked for again some day.
    pub async fn custody_step(&self) -> Result<bool, StewardError> {
        let Some((cluster, me)) = self.shared.custodian.get().copied() else { return Ok(false) };
        let mut round = self.shared.custody.lock().await;
        let now = self.shared.objects.parts().clock.elapsed();
        if round.walk.is_some() {
            return self.custody_walk(&mut round, now);
        }
        if now < round.next_at {
            return Ok(false);
        }
        let map = self.view().site_map()?;
        round.next_at = now.saturating_add(self.shared.settings.custody_every);
        if map.sites.len() < 2 {
            return Ok(false);
        }
        if round.drawn.values().all(Vec::is_empty) {
            round.walk = Some(Walk::begin(&map));
            return Ok(true);
        }
        let asker = Asker { cluster, me, map };
        self.custody_round(&mut round, &asker).await?;
        self.custody_save(&mut round, now).await?;
        Ok(false)
    }

    /// One page of the walk that draws.
    fn custody_walk(&self, round: &mut CustodyRound, now: Duration) -> Result<bool, StewardError> {
        let Some(walk) = &mut round.walk else { return Ok(false) };
        let page = self.view().parts(walk.after, PRESENCE_PAGE)?;
        walk.after = page.last().map(|(part, _)| *part);
        let random = &*self.shared.objects.parts().random;
        for (part, row) in page.iter().filter(|(_, row)| row.references > 0) {
            walk.pass(*part, row, random);
        }
        if walk.after.is_none() {
            let drawn = walk.draws.iter().map(|(site, draw)| (*site, draw.drawn())).collect();
            round.walk = None;
            round.drawn = drawn;
            // Where there is nothing to ask for it is not looked again at once.
            if round.drawn.values().any(|drawn| !drawn.is_empty()) {
                round.next_at = now;
            }
        }
        Ok(true)
    }

    /// Asks each site for one fragment.
    async fn custody_round(
        &self,
        round: &mut CustodyRound,
        asker: &Asker,
    ) -> Result<(), StewardError> {
        let sites = round.drawn.iter_mut().filter(|(_, drawn)| !drawn.is_empty());
        let asked = sites.map(async |(site, drawn)| {
            // What was drawn may have been deleted or moved since.
            for _ in 0..CUSTODY_STALE_MAX {
                let Some(one) = drawn.pop() else { break };
                match self.custody_ask(asker, *site, one, None).await? {
                    Asked::Stale => {}
                    asked => return Ok(Some((one, asked))),
                }
            }
            Ok(None)
        });
        let mut failed = None;
        for asked in join_all(asked).await {
            let outcome = match asked {
                Ok(Some((one, asked))) => {
                    self.custody_asked(&mut round.noted, asker, one, asked).await
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// What comes of an answer. One that shows another fragment wrong has that one asked
    /// for, so that there is an answer of its node as well.
    async fn custody_asked(
        &self,
        noted: &mut BTreeMap<NodeId, CustodyNoted>,
        asker: &Asker,
        one: CustodyDrawn,
        asked: Asked,
    ) -> Result<(), StewardError> {
        let (wrong, range) = match asked {
            Asked::Disagree { wrong: Some(wrong), range } => (wrong, range),
            other => return self.custody_note(noted, one, other),
        };
        let Some(row) = self.view().part(one.part)? else { return Ok(()) };
        let name = name_of(&row, one.part, one.stripe.get(), wrong.get());
        let disk = row.slots.get(usize::from(wrong.get())).copied();
        if let Some(site) = disk.and_then(|disk| asker.map.site_of(disk)) {
            let drawn = CustodyDrawn { slot: wrong, ..one };
            let asked = self.custody_ask(asker, site.id, drawn, Some(range)).await?;
            let is_answered = matches!(asked, Asked::Answered { .. });
            self.custody_note(noted, drawn, asked)?;
            if is_answered && self.is_distrusted(name) {
                return Ok(());
            }
        }
        // Whatever it says of itself: k + 1 others contradict what it hands out.
        tracing::error!(%name, "a site hands out other bytes than the rest of the stripe");
        self.custody_repair(name, true)
    }

    fn custody_note(
        &self,
        noted: &mut BTreeMap<NodeId, CustodyNoted>,
        one: CustodyDrawn,
        asked: Asked,
    ) -> Result<(), StewardError> {
        let entry = |node| CustodyNoted { node, held: 0, silent: 0, last: None, failures: vec![] };
        let (proof, name, is_wrong) = match asked {
            Asked::Stale | Asked::Unknown => return Ok(()),
            Asked::Silent(node) => {
                noted.entry(node).or_insert_with(|| entry(node)).silent += 1;
                self.count(|status| status.custody.silent += 1);
                return Ok(());
            }
            Asked::Disagree { .. } => {
                let (part, stripe) = (one.part, one.stripe);
                tracing::error!(%part, %stripe, "fragments disagree, and nobody can say which is wrong");
                self.count(|status| status.custody.disputed += 1);
                return Ok(());
            }
            Asked::Answered { proof, name, is_wrong } => (*proof, name, is_wrong),
        };
        let node = proof.statement.node;
        let noted = noted.entry(node).or_insert_with(|| entry(node));
        noted.silent = 0;
        if proof.verdict == CustodyVerdict::Held {
            noted.held += 1;
            noted.last = Some(proof);
            self.count(|status| status.custody.held += 1);
            return Ok(());
        }
        let verdict = proof.verdict;
        tracing::error!(%node, %name, ?verdict, "a site failed a question of custody");
        if noted.failures.len() >= CUSTODY_NOTED_MAX {
            noted.failures.remove(0);
        }
        noted.failures.push(proof);
        self.count(|status| status.custody.failed += 1);
        if planted::is_on(CUSTODY_SPARES) {
            return Ok(());
        }
        self.custody_repair(name, is_wrong)
    }

    /// Has a fragment repaired; one that is wrong is not believed, whatever its checksums.
    fn custody_repair(&self, name: FragmentName, is_wrong: bool) -> Result<(), StewardError> {
        if is_wrong {
            let mut distrusted = self.shared.distrusted.lock();
            if distrusted.len() < DISTRUSTED_MAX {
                distrusted.insert(name);
            }
        }
        self.bad_found(name.part, name.fragment)
    }

    /// Tells the catalog: of failures at once, of all from time to time.
    async fn custody_save(
        &self,
        round: &mut CustodyRound,
        now: Duration,
    ) -> Result<(), StewardError> {
        let has_failed = round.noted.values().any(|noted| !noted.failures.is_empty());
        let is_time = now >= round.saved_at.saturating_add(CUSTODY_SAVE_EVERY);
        let is_first = round.saved_at.is_zero();
        if round.noted.is_empty() || !(has_failed || is_time || is_first) {
            return Ok(());
        }
        let nodes = round.noted.values().cloned().collect();
        self.propose(Command::CustodyNote(CustodyNote { nodes })).await?;
        round.noted.clear();
        round.saved_at = now.max(Duration::from_nanos(1));
        Ok(())
    }
}

/// Whether a kept answer speaks against the node itself, and not against its disk.
pub const fn custody_accuses(proof: &CustodyProof) -> bool {
    matches!(proof.verdict, CustodyVerdict::Wrong | CustodyVerdict::Forged)
}
