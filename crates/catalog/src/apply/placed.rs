//! Commands whose placement was decided on one version of the site map.
//!
//! A placement that kept every policy when it was decided may keep none once a site has
//! left or a statement has changed. The proposer decides on what it sees and says which
//! version that was; here, where the order of commands is known, it is compared.

use units::planted;

use super::tx::Tx;
use super::{map, policy, put, release, upload};
use crate::command::{Placed, PlacedCommand};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::refusal::Refusal;

pub(super) fn command(tx: &mut Tx<'_>, ask: &Placed) -> Result<Success, Halt> {
    let now = map::epoch(tx)?;
    if now != ask.epoch && !planted::is_on("catalog-accepts-stale-epoch") {
        return Err(Refusal::MapChanged { now }.into());
    }
    match &ask.command {
        PlacedCommand::ObjectPut(ask) => put::object(tx, ask),
        PlacedCommand::UploadPartPut(ask) => upload::part_put(tx, ask),
        PlacedCommand::PartSlotMove(ask) => release::slot_move(tx, ask),
        PlacedCommand::PartCopyAdd(ask) => release::copy_add(tx, ask),
        PlacedCommand::PartStep(ask) => release::step(tx, ask),
        PlacedCommand::PolicySet(ask) => policy::set(tx, ask),
        PlacedCommand::PartRecut(ask) => release::recut(tx, ask),
    }
}
