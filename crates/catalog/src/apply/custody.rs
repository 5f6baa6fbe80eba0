//! Custody: answers are added to what is kept of their nodes, and the oldest go.
//!
//! **Invariant**: a row is bounded, and a failure leaves it by age or for newer ones only.

use units::NodeId;

use super::node;
use super::tx::{Tx, check_size};
use crate::command::{CustodyNote, CustodyNoted};
use crate::limits::{
    CUSTODY_FAILURE_KEPT, CUSTODY_FAILURES_MAX, CUSTODY_NODES_MAX, CUSTODY_NOTED_MAX, NODES_MAX,
};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Custody, Record};
use crate::table;

pub(super) fn note(tx: &mut Tx<'_>, ask: &CustodyNote) -> Result<Success, Halt> {
    check_size("the nodes of a note", ask.nodes.len(), NODES_MAX)?;
    for noted in &ask.nodes {
        check_size("the failed answers of a node", noted.failures.len(), CUSTODY_NOTED_MAX)?;
    }
    for noted in &ask.nodes {
        node_note(tx, noted)?;
    }
    Ok(Success::Done)
}

fn node_note(tx: &mut Tx<'_>, noted: &CustodyNoted) -> Result<(), Halt> {
    let Some(node) = node::find(tx, noted.node)? else { return Ok(()) };
    let row = table::custody(node.id);
    let known = tx.rows.record_often::<Custody>(&row)?;
    if known.is_none() {
        room_make(tx)?;
    }
    let mut kept = known.unwrap_or(Custody {
        node: node.id,
        site: node.site,
        since: tx.at,
        held: 0,
        failed: 0,
        silent: 0,
        last: None,
        failures: Vec::new(),
    });
    kept.site = node.site;
    kept.held = kept.held.saturating_add(noted.held);
    kept.failed = kept.failed.saturating_add(noted.failures.len() as u64);
    let has_answered = noted.held > 0 || !noted.failures.is_empty();
    kept.silent = if has_answered { 0 } else { kept.silent }.saturating_add(noted.silent);
    kept.last = noted.last.or(kept.last);
    kept.failures.extend(&noted.failures);
    let now = tx.at;
    kept.failures.retain(|failure| failure.asked.after(CUSTODY_FAILURE_KEPT) > now);
    let over = kept.failures.len().saturating_sub(CUSTODY_FAILURES_MAX);
    kept.failures.drain(..over);
    tx.rows.put_record(row, &kept);
    Ok(())
}

/// A node is taken off the map: nothing is kept of one that never failed.
pub(super) fn node_leaves(tx: &mut Tx<'_>, node: NodeId) -> Result<(), Halt> {
    let row = table::custody(node);
    let kept = tx.rows.record_often::<Custody>(&row)?;
    if kept.is_some_and(|kept| kept.failures.is_empty()) {
        tx.rows.remove(row);
    }
    Ok(())
}

/// Room for one row more: what has left and was asked longest ago goes.
fn room_make(tx: &mut Tx<'_>) -> Result<(), Halt> {
    let mut kept = Vec::new();
    for row in tx.rows.scan_prefix(&[table::CUSTODY]) {
        let row = Custody::decode(&row?.1)?;
        let newest = row.failures.last().map(|failure| failure.asked);
        kept.push((newest, row.node));
    }
    if kept.len() < CUSTODY_NODES_MAX {
        return Ok(());
    }
    kept.sort_unstable();
    for (_, id) in kept {
        if node::find(tx, id)?.is_none() {
            tx.rows.remove(table::custody(id));
            break;
        }
    }
    Ok(())
}
