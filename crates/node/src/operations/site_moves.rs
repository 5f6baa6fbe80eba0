//! What is moving between sites, and one site in the place of another.

use admin::Fault;
use admin::model::{Moves, MovesPhase, MovingSlots, Site, SiteMoves, SiteReplaceAsk, date_text};
use catalog::command::{SiteDrain, SiteRemove};
use catalog::{Command, Job, SiteMap};
use steward::Replacement;
use units::SiteId;

use super::sites::unknown;
use super::{SiteOperations, unproposed, unread};
use crate::limits::{DISKS_LISTED_WITHIN, DISKS_LOOK_EVERY};

impl SiteOperations {
    /// What the leader last said of what moves; none if that was of another version of the
    /// map: then it is being counted.
    pub(super) fn moves(&self, map: &SiteMap) -> Result<Option<steward::Moves>, Fault> {
        let said = steward::Moves::of(&self.view()).map_err(|error| unread(&error))?;
        Ok(said.filter(|said| said.epoch == map.epoch))
    }

    pub(super) fn moves_model(&self, said: &steward::Moves) -> Result<Moves, Fault> {
        let job = self.view().job(&Job::moves()).map_err(|error| unread(&error))?;
        let phase = match said.phase {
            steward::MovesPhase::Counting => MovesPhase::Counting,
            steward::MovesPhase::Moving => MovesPhase::Moving,
            steward::MovesPhase::Resting => MovesPhase::Resting,
        };
        Ok(Moves {
            said: job.map_or_else(String::new, |job| date_text(job.updated)),
            phase,
            counted: said.counted,
            to_move: slots(said.to_move()),
            balance: slots(said.balance),
            recuts: slots(said.recuts),
            stuck_parts: said.stuck,
            at_risk_parts: said.at_risk,
            why: said.why.clone(),
            waiting_parts: said.waiting,
            bytes_per_second: said.bytes_per_second,
            seconds_left: said.seconds_left,
        })
    }

    pub(super) async fn replace_site(
        &self,
        name: &str,
        ask: SiteReplaceAsk,
    ) -> Result<Site, Fault> {
        let (old, new) = (self.site_named(name)?, self.site_named(&ask.by)?);
        self.disks_await(new).await?;
        self.replacement_check(name, (old, new), &ask)?;
        let asked = Replacement { old, new };
        self.replacement_set(Some(asked)).await?;
        let step = if ask.lost {
            Command::SiteRemove(SiteRemove { site: old, lost: true, rows: 0 })
        } else {
            Command::SiteDrain(SiteDrain { site: old, on: true })
        };
        if let Err(error) = self.consensus.propose(step).await {
            // Nothing of it is to happen later; if this fails, too, it is gone on with.
            self.replacement_set(None).await?;
            return Err(unproposed(&error));
        }
        self.show_site(&new.to_string()).await
    }

    /// Waits a moment for the disks of a site that has just joined.
    async fn disks_await(&self, site: SiteId) -> Result<(), Fault> {
        let begun = tokio::time::Instant::now();
        while disks_of(&self.map()?, site) == 0 && begun.elapsed() < DISKS_LISTED_WITHIN {
            tokio::time::sleep(DISKS_LOOK_EVERY).await;
        }
        Ok(())
    }

    fn replacement_check(
        &self,
        name: &str,
        (old, new): (SiteId, SiteId),
        ask: &SiteReplaceAsk,
    ) -> Result<(), Fault> {
        if old == new {
            return Err(Fault::invalid("a site does not replace itself", "name another one"));
        }
        if old == self.cluster.site {
            return Err(Fault::conflict(
                "this node is of the site that is to go: it would cut itself off at the end of it",
                "type it at a node of another site: essaim site list",
            ));
        }
        let map = self.map()?;
        let takes = map.site(new).ok_or_else(|| unknown(&ask.by))?;
        if disks_of(&map, new) == 0 {
            return Err(Fault::conflict(
                format!("the site {} has listed no disks", ask.by),
                "if it has just joined, try again in a moment; a witness keeps nothing",
            ));
        }
        if takes.is_draining() {
            return Err(Fault::conflict(
                format!("the site {} is being emptied itself", ask.by),
                "name another one; a machine joins by essaim invite",
            ));
        }
        let under_way = Replacement::of(&self.view()).map_err(|error| unread(&error))?;
        if let Some(other) = under_way.filter(|other| other.old != old) {
            let of = map.site(other.old).map_or_else(String::new, |site| site.name.to_string());
            return Err(Fault::conflict(
                format!("a site is being replaced already: {of}"),
                "wait until it is over: essaim site list",
            ));
        }
        let answers = map.nodes_at(old).any(|node| self.answers(node.id) != Some(false));
        if !ask.lost && !answers {
            return Err(Fault::conflict(
                format!("the site {name} does not answer, so nothing can be moved off it"),
                format!(
                    "wait until it answers; if it never comes back: essaim site replace {name} {} \
                     --lost",
                    ask.by
                ),
            ));
        }
        Ok(())
    }

    /// A site that is not to be emptied any more is not replaced either.
    pub(super) async fn replacement_undo(&self, old: SiteId) -> Result<(), Fault> {
        let under_way = Replacement::of(&self.view()).map_err(|error| unread(&error))?;
        match under_way.filter(|under_way| under_way.old == old) {
            Some(_) => self.replacement_set(None).await,
            None => Ok(()),
        }
    }

    async fn replacement_set(&self, asked: Option<Replacement>) -> Result<(), Fault> {
        let state = asked.map(|asked| asked.encode());
        let set = Command::JobSet { name: Job::site_replacement(), state };
        let done = self.consensus.propose(set).await;
        done.map(|_| ()).map_err(|error| unproposed(&error))
    }
}

/// How many disks the nodes of a site list.
fn disks_of(map: &SiteMap, site: SiteId) -> usize {
    map.nodes_at(site).map(|node| node.disks.len()).sum()
}

pub(super) fn site_moves(said: &steward::Moves, site: SiteId) -> SiteMoves {
    let known = said.sites.get(&site).copied().unwrap_or_default();
    SiteMoves {
        leaves: slots(known.leaves),
        stays: slots(known.stays),
        clearing: slots(known.clearing),
        left: slots(known.left),
        came: slots(known.came),
    }
}

const fn slots(of: steward::Slots) -> MovingSlots {
    MovingSlots { slots: of.slots, bytes: of.bytes }
}
