//! Once nothing fails and nothing changes, within bounded time: one node leads, every
//! fragment that the catalog names is whole, parts lie where their policy wants them unless
//! the steward says why not, a site that is replaced has left, and no fragment lies
//! anywhere that the catalog does not name.

use core::time::Duration;
use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use fragments::FragmentName;
use units::DiskId;

use crate::grappe::client::Clients;
use crate::grappe::grappe::Grappe;
use crate::grappe::machine::Process;

/// How long all of it may take: the longest pause of a duty (a walk for balance or for what
/// is stuck) and some for the work.
const WITHIN: Duration = Duration::from_mins(20);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Waits until all is as it should be.
pub(crate) async fn settles(grappe: &mut Grappe, clients: &Clients) -> Result<()> {
    let begun = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        grappe.switch_off_gone().await?;
        let Some(not_yet) = unsettled(grappe, clients).await? else { return Ok(()) };
        if begun.elapsed() > WITHIN {
            let leads = |(_, one): &(u8, &Process)| one.consensus.status().is_leader;
            let (at, leader) = grappe.up().find(leads).context("nobody leads")?;
            let store = &leader.objects.parts().fragments;
            let reach = |disk| format!("{disk}: {:?} {:?}", store.reach(disk), store.state(disk));
            let disks: Vec<String> = store.expected().into_iter().map(reach).collect();
            let statuses: Vec<String> = grappe.up().map(|(at, one)| standing(at, one)).collect();
            let not_yet = format!("{not_yet}; {at} leads and sees {disks:#?}; all: {statuses:#?}");
            bail!(
                "not healed within {WITHIN:?}: {not_yet}; {:?}",
                leader.steward.status().borrow()
            );
        }
    }
}

/// How a node stands, in a line.
fn standing(number: u8, process: &Process) -> String {
    let status = process.consensus.status();
    let seen = |node: &units::NodeId| process.contact(*node).reached;
    let map = process.consensus.view().site_map();
    let nodes = map.map(|map| map.nodes.iter().map(|node| node.id).collect::<Vec<_>>());
    let nodes = nodes.unwrap_or_default();
    let reached: Vec<_> = nodes.iter().map(|node| (*node, seen(node))).collect();
    format!("{number}: applied {}, leader {:?}, {reached:?}", status.applied, status.leader)
}

/// What is not yet as it should be.
async fn unsettled(grappe: &Grappe, clients: &Clients) -> Result<Option<String>> {
    let leaders: Vec<(u8, &Process)> =
        grappe.up().filter(|(_, one)| one.consensus.status().is_leader).collect();
    let [(number, leader)] = leaders.as_slice() else {
        return Ok(Some(format!("{} nodes lead", leaders.len())));
    };
    if leader.consensus.catch_up().await.is_err() {
        return Ok(Some("whoever leads cannot be read".to_owned()));
    }
    let view = leader.consensus.view();
    if steward::Replacement::of(&view)?.is_some() {
        return Ok(Some("a site is being replaced".to_owned()));
    }
    let (settled, wrong) = grappe.around.judge.settled(&view)?;
    let said = leader.steward.status().borrow().moves.clone();
    let explained = said.as_ref().map_or(0, |said| said.stuck + said.at_risk);
    if !wrong.is_empty() && explained == 0 {
        return Ok(Some(format!("{} of {settled} lie elsewhere: {}", wrong.len(), wrong[0])));
    }
    if let Some(not_yet) = astray(grappe, &view)? {
        return Ok(Some(not_yet));
    }
    let census = leader.steward.census().await?;
    if !census.is_whole() {
        return Ok(Some(format!("at {number}: {census:?}")));
    }
    let mut report = clients.report.lock();
    report.settled = settled;
    report.stuck = wrong.len() as u64;
    Ok(None)
}

/// A fragment that lies where the catalog does not name it.
fn astray(grappe: &Grappe, view: &catalog::View) -> Result<Option<String>> {
    let mut named: BTreeSet<(DiskId, FragmentName)> = BTreeSet::new();
    for (part, row) in view.parts(None, 10_000)? {
        if row.references == 0 {
            continue;
        }
        let code = erasure::Code::new(row.data, row.parity)?;
        let cut = erasure::Cut::new(erasure::CodecId::from_byte(row.codec)?, code);
        for stripe in 0..row.stripe_count {
            for (slot, disk) in (0_u8..).zip(&row.slots) {
                let fragment = units::FragmentNumber::new(slot);
                let stripe = cut.named(units::StripeNumber::new(stripe));
                named.insert((*disk, FragmentName { part, stripe, fragment }));
            }
        }
    }
    for (number, process) in grappe.up() {
        for disk in process.fragments.disks() {
            for listed in process.fragments.list(disk, None, 10_000) {
                if !named.contains(&(disk, listed.name)) {
                    let row = view.part(listed.name.part)?;
                    let name = listed.name;
                    return Ok(Some(format!("{name:?} lies at site {number}, {disk}: {row:?}")));
                }
            }
        }
    }
    Ok(None)
}
