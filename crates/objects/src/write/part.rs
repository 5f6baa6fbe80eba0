//! Writing one part: placed, sealed, durable on its disks, not yet in the catalog.

use std::sync::Arc;

use catalog::command::PartLayout;
use catalog::{ObjectKey, SealedBytes};
use erasure::{Code, CodecId};
use parking_lot::Mutex;
use seal::ChunkSealer;
use units::{PartId, ReferenceId};

use super::abandoned::PartGuard;
use super::digests::{BodyDigests, Digests};
use super::durable::Durable;
use super::pipeline::{PartSetup, write_stripes};
use super::placing::Placed;
use super::source::Source;
use crate::ObjectError;
use crate::gateway::Inner;
use crate::sealing::Sealing;
use crate::seen::Seen;

/// A part whose fragments are durable.
pub(crate) struct PartWritten {
    pub(crate) part: PartId,
    pub(crate) wrapped_key: SealedBytes,
    pub(crate) layout: PartLayout,
    pub(crate) digests: BodyDigests,
    /// Where it lies, and what that was decided on.
    pub(crate) placed: Placed,
    /// To be told when the catalog has the part.
    pub(crate) guard: PartGuard,
}

/// What a part is sealed for.
pub(crate) struct PartFor<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) sealing: &'a Sealing,
    pub(crate) key: &'a ObjectKey,
    pub(crate) reference: ReferenceId,
}

impl Inner {
    /// Takes the rest of the body (behind `first`) to the disks as a new part.
    // Cancel-safety: dropping this future abandons the part through its guard.
    pub(crate) async fn part_write(
        &self,
        target: &PartFor<'_>,
        source: &mut Source,
        first: &[u8],
        digests: Digests,
    ) -> Result<PartWritten, ObjectError> {
        let placement = self.place(target.seen, source.announced().unwrap_or(0))?;
        let geometry = placement.geometry;
        let code = Code::new(geometry.data(), geometry.parity())
            .map_err(|error| ObjectError::Internal { reason: error.to_string() })?;
        let lane = self.write_budget.lane(source.announced(), code).await?;
        let part = PartId::draw(&*self.parts.random);
        let at = target.seen.part_at(target.sealing.keeper(), target.key, target.reference, part);
        let (key, wrapped_key) = self.parts.vault.part_key_create(&at)?;
        let (abandoned, damage) = (self.abandoned.clone(), self.damage.clone());
        let behind = Arc::clone(&self.behind);
        let mut guard = PartGuard::new(part, abandoned, damage, behind, self.pins.pin(part));
        let slots = placement.slots.clone();
        let setup = Arc::new(PartSetup {
            part,
            code,
            slots: slots.clone(),
            sealer: ChunkSealer::new(&key, part),
            fragments: self.parts.fragments.clone(),
            durable: Arc::new(Durable::of(
                code,
                &slots,
                placement.sites.clone(),
                &self.parts.fragments,
            )),
            stragglers: Arc::clone(&self.stragglers),
            late: Mutex::default(),
        });
        let written = Arc::clone(&setup);
        let (digests, stripe_count) = write_stripes(setup, &lane, source, first, digests).await?;
        guard.wrote(written);
        let layout = PartLayout {
            stripe_bytes: u32::try_from(lane.stripe_bytes()).unwrap_or(u32::MAX),
            stripe_count,
            codec: CodecId::ContiguousLeopard16.to_byte(),
            data: code.data(),
            parity: code.parity(),
            slots,
        };
        let wrapped_key = SealedBytes::new(wrapped_key);
        let digests = digests.finish();
        Ok(PartWritten { part, wrapped_key, layout, digests, placed: placement, guard })
    }
}
