//! The site map: its founding, and its epoch.
//!
//! **Invariant**: the epoch grows with every change of sites, their states and
//! statements, of nodes, of the disks they list, and of policies; not with addresses.

use units::Epoch;

use super::tx::Tx;
use super::{node, site};
use crate::command::MapFound;
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::Map;
use crate::refusal::Refusal;
use crate::table;

/// Makes the map, with one site and one node.
pub(super) fn found(tx: &mut Tx<'_>, ask: &MapFound) -> Result<Success, Halt> {
    if is_founded(tx)? {
        let there = node::find(tx, ask.node.id)?;
        let is_same =
            there.is_some_and(|node| node.key == ask.node.key && node.site == ask.site.id);
        return if is_same { unchanged(tx) } else { Err(Refusal::MapFounded.into()) };
    }
    tx.rows.put_record(table::map(), &Map { epoch: Epoch::ZERO });
    site::add(tx, &ask.site, ask.node.id)?;
    node::add(tx, &ask.node, ask.site.id)?;
    moved_on(tx)
}

/// Whether there is a map.
pub(super) fn is_founded(tx: &mut Tx<'_>) -> Result<bool, Halt> {
    Ok(tx.rows.get_often(&table::map())?.is_some())
}

/// The version of the map; zero if there is none.
pub(super) fn epoch(tx: &mut Tx<'_>) -> Result<Epoch, Halt> {
    let map = tx.rows.record_often::<Map>(&table::map())?;
    Ok(map.map_or(Epoch::ZERO, |map| map.epoch))
}

/// Refuses what needs a map if there is none.
pub(super) fn needed(tx: &mut Tx<'_>) -> Result<(), Halt> {
    if is_founded(tx)? { Ok(()) } else { Err(Refusal::NoMap.into()) }
}

/// Something changed that matters to placement.
pub(super) fn moved_on(tx: &mut Tx<'_>) -> Result<Success, Halt> {
    let epoch = epoch(tx)?.next();
    tx.rows.put_record(table::map(), &Map { epoch });
    Ok(Success::Mapped { epoch })
}

/// Nothing changed that matters to placement.
pub(super) fn unchanged(tx: &mut Tx<'_>) -> Result<Success, Halt> {
    Ok(Success::Mapped { epoch: epoch(tx)? })
}
