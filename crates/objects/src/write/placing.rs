//! Where a part goes: what the planner is asked, what it says, and whether that still
//! holds when the catalog is told.
//!
//! **Invariants**
//! - A site that is alone keeps its promise by its disks, several sites by sites.
//! - What the catalog is told of a part rests on the epoch that it was placed at. If there
//!   is another by then the part is told of only if it keeps that one's policy as well.

use catalog::command::{Placed as PlacedAt, PlacedCommand};
use catalog::{Command, Refusal, Success};
use consensus::ProposeError;
use placement::{DiskFacts, Geometry, PlaceError};
use units::{ByteCount, DiskId, Epoch, SiteId, planted};

use crate::ObjectError;
use crate::gateway::Inner;
use crate::limits::PLACED_ATTEMPTS_MAX;
use crate::planted::OLD_PLACEMENT;
use crate::seen::Seen;
use crate::sites::{PlacedFor, disk_facts, policy_text};

/// Where the fragments of a part go.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) geometry: Geometry,
    pub(crate) slots: Vec<DiskId>,
    /// The sites of the slots, if there are several sites.
    pub(crate) sites: Vec<SiteId>,
    /// The version of the site map that this was decided on.
    pub(crate) epoch: Epoch,
}

impl Inner {
    /// The disks that are counted on, as placement sees them: also those that are missing
    /// or on nodes that do not answer.
    pub(crate) fn disks(&self) -> Vec<DiskFacts> {
        let store = &self.parts.fragments;
        store.expected().into_iter().map(|disk| disk_facts(store, disk)).collect()
    }

    /// Chooses where a part goes that has up to so many bytes.
    pub(crate) fn place(&self, seen: &Seen, bytes: u64) -> Result<Placed, ObjectError> {
        // With one data fragment each disk takes it all; with more, less: the bound is safe.
        let need = seal::sealed_length(ByteCount::new(bytes));
        let Some(now) = self.sites_now(seen.view.clone())? else {
            self.may_take_alone(seen)?;
            return self.place_alone(need, seen.view.map_epoch()?);
        };
        let candidates = self.candidates(&now, Some(&placed_for(seen)))?;
        let planned = candidates.plan(&now.map, need, &*self.parts.random);
        let planned = planned.map_err(|refusal| not_placed(&refusal))?;
        let slots = planned.disks();
        let sites = planned.slots.iter().map(|slot| slot.site).collect();
        Ok(Placed { geometry: planned.geometry, slots, sites, epoch: planned.epoch })
    }

    /// Refuses what a policy keeps from a site alone: that the disks spread it does not make
    /// of it two sites, or one in another country.
    fn may_take_alone(&self, seen: &Seen) -> Result<(), ObjectError> {
        let Some(now) = self.sites_all(seen.view.clone())? else { return Ok(()) };
        let of = placed_for(seen);
        let candidates = self.candidates(&now, Some(&of))?;
        match candidates.refusal() {
            // Without a policy a site alone takes what it is given.
            Some(refusal) if policy_text(&now, Some(&of))?.is_some() => Err(not_placed(refusal)),
            _ => Ok(()),
        }
    }

    fn place_alone(&self, need: ByteCount, epoch: Epoch) -> Result<Placed, ObjectError> {
        match placement::place(&self.disks(), need, &*self.parts.random) {
            Ok(placed) => {
                let (geometry, slots) = (placed.geometry, placed.slots);
                Ok(Placed { geometry, slots, sites: Vec::new(), epoch })
            }
            Err(PlaceError::NoRoom { .. }) => Err(ObjectError::Full),
            Err(PlaceError::OneDiskLeft { expected }) => Err(ObjectError::OneDiskLeft { expected }),
            Err(error) => Err(ObjectError::NotPlaced { reason: error.to_string() }),
        }
    }

    /// Tells the catalog of a part that was placed, or of a command that brings none. A
    /// part whose placement the map has overtaken is looked at once more, and refused if
    /// it must not lie where it does.
    pub(crate) async fn propose_placed(
        &self,
        seen: &Seen,
        placed: Option<&Placed>,
        command: PlacedCommand,
    ) -> Result<Success, ObjectError> {
        let Some(placed) = placed else {
            return self.propose_as_of(command.into(), seen.as_of).await;
        };
        let mut epoch = placed.epoch;
        for _ in 0..PLACED_ATTEMPTS_MAX {
            let ask = PlacedAt { epoch, command: command.clone() };
            let ask = Command::Placed(Box::new(ask));
            match self.parts.consensus.propose_as_of(ask, seen.as_of).await {
                Err(ProposeError::Refused(Refusal::MapChanged { now })) => {
                    if planted::is_on(OLD_PLACEMENT) {
                        epoch = now;
                        continue;
                    }
                    // The leader has applied what this node may not have yet.
                    let caught_up = self.parts.consensus.catch_up().await;
                    caught_up.map_err(|error| ObjectError::Unavailable { reason: error.reason })?;
                    epoch = self.placed_still(seen, placed)?;
                }
                done => return Ok(done?),
            }
        }
        Err(ObjectError::NotPlaced {
            reason: "the sites change faster than what is written can be placed".to_owned(),
        })
    }

    /// The version of the map on which a part that is written keeps its policy: that of now.
    fn placed_still(&self, seen: &Seen, placed: &Placed) -> Result<Epoch, ObjectError> {
        let view = self.view();
        let epoch = view.map_epoch()?;
        // A site alone: on whichever of its disks.
        let Some(now) = self.sites_now(view)? else { return Ok(epoch) };
        let candidates = self.candidates(&now, Some(&placed_for(seen)))?;
        if let Some(refusal) = candidates.refusal() {
            return Err(not_placed(refusal));
        }
        let kept = candidates.keeps(&now.map, placed.geometry, &placed.slots);
        kept.map_err(|breach| ObjectError::NotPlaced {
            reason: format!("the sites changed while it was written, and now {breach}"),
        })?;
        Ok(epoch)
    }
}

fn placed_for(seen: &Seen) -> PlacedFor {
    PlacedFor {
        bucket: seen.bucket.id,
        bucket_name: seen.bucket.name.clone(),
        tenant: seen.tenant.id,
        tenant_name: seen.tenant.name.clone(),
    }
}

fn not_placed(refusal: &placement::Refusal) -> ObjectError {
    ObjectError::NotPlaced { reason: refusal.explain(placement::Language::English) }
}
