//! Sites: what each says about itself, and emptying one.

use units::{NodeId, SiteId};

use super::tx::{Tx, check_size};
use super::{map, node};
use crate::command::{SiteDrain, SiteNew, SiteStatementSet};
use crate::limits::{SITE_STATEMENT_BYTES_MAX, SITES_MAX};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{NodeRole, Record, SignedStatement, Site, SiteState};
use crate::refusal::Refusal;
use crate::table;

/// All sites, in the order of their ids.
pub(super) fn all(tx: &Tx<'_>) -> Result<Vec<Site>, Halt> {
    let mut sites = Vec::new();
    for row in tx.rows.scan_prefix(&[table::SITE]) {
        sites.push(Site::decode(&row?.1)?);
    }
    Ok(sites)
}

/// The site, if it is on the map.
pub(super) fn find(tx: &mut Tx<'_>, id: SiteId) -> Result<Site, Halt> {
    tx.rows.record_often(&table::site(id))?.ok_or_else(|| Refusal::NoSuchSite.into())
}

/// Puts a site on the map that comes with this node.
pub(super) fn add(tx: &mut Tx<'_>, new: &SiteNew, with: NodeId) -> Result<(), Halt> {
    let sites = all(tx)?;
    if sites.iter().any(|site| site.id == new.id) {
        return Err(Refusal::SiteExists.into());
    }
    if sites.iter().any(|site| site.name == new.name) {
        return Err(Refusal::SiteNameTaken.into());
    }
    check_size("the list of sites", sites.len().saturating_add(1), SITES_MAX)?;
    if let Some(statement) = &new.statement {
        check_statement(tx, new.id, statement, Some(with))?;
    }
    let site = Site {
        id: new.id,
        name: new.name.clone(),
        statement: new.statement.clone(),
        state: SiteState::Active,
        joined: tx.at,
    };
    tx.rows.put_record(table::site(site.id), &site);
    Ok(())
}

/// The signatures themselves were checked by the proposer; whose they may be is said here.
fn check_statement(
    tx: &mut Tx<'_>,
    site: SiteId,
    statement: &SignedStatement,
    comes_with: Option<NodeId>,
) -> Result<(), Halt> {
    check_size("statement of a site", statement.bytes.len(), SITE_STATEMENT_BYTES_MAX)?;
    let signer = statement.signed.node;
    let is_of_site = match comes_with {
        Some(node) => node == signer,
        None => node::find(tx, signer)?.is_some_and(|node| node.site == site),
    };
    if !is_of_site {
        return Err(Refusal::SignerUnfit { node: signer }.into());
    }
    if let Some(other) = &statement.countersigned
        && node::find(tx, other.node)?.is_none_or(|node| node.site == site)
    {
        return Err(Refusal::SignerUnfit { node: other.node }.into());
    }
    Ok(())
}

pub(super) fn statement_set(tx: &mut Tx<'_>, ask: &SiteStatementSet) -> Result<Success, Halt> {
    map::needed(tx)?;
    let mut site = find(tx, ask.site)?;
    check_statement(tx, ask.site, &ask.statement, None)?;
    if all(tx)?.iter().any(|other| other.id != site.id && other.name == ask.name) {
        return Err(Refusal::SiteNameTaken.into());
    }
    if site.name == ask.name && site.statement.as_ref() == Some(&ask.statement) {
        return map::unchanged(tx);
    }
    site.name = ask.name.clone();
    site.statement = Some(ask.statement.clone());
    changed(tx, &site)
}

pub(super) fn drain(tx: &mut Tx<'_>, ask: &SiteDrain) -> Result<Success, Halt> {
    map::needed(tx)?;
    let mut site = find(tx, ask.site)?;
    if site.is_draining() == ask.on {
        return map::unchanged(tx);
    }
    if ask.on && !others_keep(tx, ask.site, |site| !site.is_draining())? {
        return Err(Refusal::LastSite.into());
    }
    site.state = if ask.on { SiteState::Draining { since: tx.at } } else { SiteState::Active };
    changed(tx, &site)
}

/// Whether another site that is fit keeps fragments: one of witnesses alone does not.
pub(super) fn others_keep(
    tx: &Tx<'_>,
    site: SiteId,
    fit: impl Fn(&Site) -> bool,
) -> Result<bool, Halt> {
    let nodes = node::all(tx)?;
    let keeps = |id| nodes.iter().any(|node| node.site == id && node.role != NodeRole::Witness);
    Ok(all(tx)?.iter().any(|other| other.id != site && fit(other) && keeps(other.id)))
}

fn changed(tx: &mut Tx<'_>, site: &Site) -> Result<Success, Halt> {
    tx.rows.put_record(table::site(site.id), site);
    map::moved_on(tx)
}
