//! A site leaves: emptied before, or lost.
//!
//! That no part has a slot at the site is searched for in steps, as for a disk. The
//! search holds for the disks that the site had when it was begun: it begins anew when
//! the map is another, or when a slot is brought to the site. A site that is lost goes at
//! once; parts keep their slots on its disks, which are on no map any more, until they
//! are repaired elsewhere.

use std::collections::BTreeSet;

use units::NodeId;

use super::search::{self, Step};
use super::tx::Tx;
use super::{custody, map, node, site as sites};
use crate::command::SiteRemove;
use crate::limits::SITE_REMOVE_ROWS_MAX;
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Damaged, Node, SiteSearch};
use crate::refusal::Refusal;
use crate::table;

/// One step: looks at some parts, and takes the site off the map after the last.
pub(super) fn site(tx: &mut Tx<'_>, ask: &SiteRemove) -> Result<Success, Halt> {
    map::needed(tx)?;
    let site = sites::find(tx, ask.site)?;
    if !sites::others_keep(tx, site.id, |_| true)? {
        return Err(Refusal::LastSite.into());
    }
    let nodes: Vec<Node> = node::all(tx)?.into_iter().filter(|node| node.site == site.id).collect();
    let finished = ask.lost || step(tx, ask, &nodes)?;
    if finished {
        for node in &nodes {
            node::remove(tx, node);
            custody::node_leaves(tx, node.id)?;
        }
        tx.rows.remove(table::site(site.id));
        // Of whichever site: the map is another now.
        tx.rows.remove(table::site_search());
        map::moved_on(tx)?;
    }
    Ok(Success::SiteRemove { finished })
}

/// Whether it is shown that nothing lies at the site.
fn step(tx: &mut Tx<'_>, ask: &SiteRemove, nodes: &[Node]) -> Result<bool, Halt> {
    let disks: BTreeSet<_> = nodes.iter().flat_map(|node| &node.disks).collect();
    if disks.is_empty() {
        return Ok(true);
    }
    let epoch = map::epoch(tx)?;
    let begun = tx.rows.record_often::<SiteSearch>(&table::site_search())?;
    let begun = begun.filter(|search| search.site == ask.site && search.epoch == epoch);
    let through = begun.and_then(|search| search.through);
    let rows = ask.rows.clamp(1, SITE_REMOVE_ROWS_MAX);
    match search::step(tx, through, rows, |slot| disks.contains(slot))? {
        Step::Found(part) => Err(Refusal::SiteInUse { site: ask.site, part }.into()),
        Step::Finished => Ok(true),
        Step::Through(through) => {
            let search = SiteSearch { site: ask.site, epoch, through };
            tx.rows.put_record(table::site_search(), &search);
            Ok(false)
        }
    }
}

/// A slot is about to lie on a disk of this node.
pub(super) fn slot_comes(tx: &mut Tx<'_>, at: NodeId, is_moved: bool) -> Result<(), Halt> {
    let search = tx.rows.record_often::<SiteSearch>(&table::site_search())?;
    if !is_moved && search.is_none() {
        return Ok(());
    }
    let node = node::find(tx, at)?.ok_or(Damaged { kind: "map disk" })?;
    if is_moved && sites::find(tx, node.site)?.is_draining() {
        return Err(Refusal::SiteDraining { site: node.site }.into());
    }
    if search.is_some_and(|search| search.site == node.site) {
        tx.rows.remove(table::site_search());
    }
    Ok(())
}
