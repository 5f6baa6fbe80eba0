//! Invitations: made, taken back, used once.
//!
//! **Invariants**
//! - No invitation is used twice: the same node may say again that it joined by it, and
//!   nothing changes.
//! - Used and expired ones are kept for [`INVITE_CLOSED_KEPT`] and are at most
//!   [`INVITES_CLOSED_MAX`]; commands about invitations drop what is over.

use units::{InviteId, NodePublicKey, planted};

use super::tx::{Tx, check_size};
use super::{map, node};
use crate::command::{InviteCreate, InviteRevoke, NodeNew};
use crate::limits::{
    INVITE_CLOSED_KEPT, INVITE_LIFE_MAX, INVITE_MADE_BY_BYTES_MAX, INVITES_CLOSED_MAX,
    INVITES_OPEN_MAX,
};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Invite, InviteUse, Record};
use crate::refusal::Refusal;
use crate::table;

fn all(tx: &Tx<'_>) -> Result<Vec<Invite>, Halt> {
    let mut invites = Vec::new();
    for row in tx.rows.scan_prefix(&[table::INVITE]) {
        invites.push(Invite::decode(&row?.1)?);
    }
    Ok(invites)
}

fn find(tx: &Tx<'_>, id: InviteId) -> Result<Invite, Halt> {
    tx.rows.record(&table::invite(id))?.ok_or_else(|| Refusal::NoSuchInvite.into())
}

/// Whether an invitation has this key.
pub(super) fn has_key(tx: &Tx<'_>, key: NodePublicKey) -> Result<bool, Halt> {
    Ok(all(tx)?.iter().any(|invite| invite.key == key))
}

/// Drops closed invitations that are old or too many, the oldest first.
fn sweep(tx: &mut Tx<'_>) -> Result<(), Halt> {
    let mut closed = all(tx)?;
    closed.retain(|invite| !invite.is_open(tx.at));
    closed.sort_by_key(|invite| (invite.closed(), invite.id));
    let over = closed.len().saturating_sub(INVITES_CLOSED_MAX);
    for (place, invite) in closed.iter().enumerate() {
        if place < over || tx.at.since(invite.closed()) >= INVITE_CLOSED_KEPT {
            tx.rows.remove(table::invite(invite.id));
        }
    }
    Ok(())
}

pub(super) fn create(tx: &mut Tx<'_>, ask: &InviteCreate) -> Result<Success, Halt> {
    map::needed(tx)?;
    check_size("the name of who invites", ask.made_by.len(), INVITE_MADE_BY_BYTES_MAX)?;
    if ask.expires <= tx.at {
        return Err(Refusal::InviteExpired { at: ask.expires }.into());
    }
    if ask.expires.since(tx.at) > INVITE_LIFE_MAX {
        let what = "the life of an invitation, in seconds,".to_owned();
        return Err(Refusal::TooLarge { what, max: INVITE_LIFE_MAX.as_secs() }.into());
    }
    let invite = Invite {
        id: ask.id,
        key: ask.key,
        role: ask.role,
        made: tx.at,
        expires: ask.expires,
        made_by: ask.made_by.clone(),
        used: None,
    };
    sweep(tx)?;
    let there = all(tx)?;
    if let Some(same) = there.iter().find(|same| same.id == ask.id) {
        let is_again = invite == Invite { made: tx.at, ..same.clone() };
        return if is_again { map::unchanged(tx) } else { Err(Refusal::InviteExists.into()) };
    }
    if there.iter().any(|other| other.key == ask.key) {
        return Err(Refusal::InviteExists.into());
    }
    if node::all(tx)?.iter().any(|node| node.key == ask.key) {
        return Err(Refusal::NodeKeyTaken.into());
    }
    let open = there.iter().filter(|invite| invite.is_open(tx.at)).count();
    check_size("the list of open invitations", open.saturating_add(1), INVITES_OPEN_MAX)?;
    tx.rows.put_record(table::invite(invite.id), &invite);
    map::unchanged(tx)
}

pub(super) fn revoke(tx: &mut Tx<'_>, ask: &InviteRevoke) -> Result<Success, Halt> {
    map::needed(tx)?;
    if let Some(used) = find(tx, ask.id)?.used {
        return Err(Refusal::InviteUsed { by: used.node }.into());
    }
    sweep(tx)?;
    tx.rows.remove(table::invite(ask.id));
    map::unchanged(tx)
}

/// Whether the node has joined by this invitation already, with the same key.
pub(super) fn has_joined(tx: &mut Tx<'_>, id: InviteId, new: &NodeNew) -> Result<bool, Halt> {
    let by_it = find(tx, id)?.used.is_some_and(|used| used.node == new.id);
    Ok(by_it && node::find(tx, new.id)?.is_some_and(|node| node.key == new.key))
}

/// Marks the invitation as used by a node, if that may use it.
pub(super) fn take_up(tx: &mut Tx<'_>, id: InviteId, new: &NodeNew) -> Result<(), Halt> {
    let mut invite = find(tx, id)?;
    if let Some(used) = invite.used
        && !planted::is_on("catalog-invite-used-twice")
    {
        return Err(Refusal::InviteUsed { by: used.node }.into());
    }
    if invite.expires <= tx.at {
        return Err(Refusal::InviteExpired { at: invite.expires }.into());
    }
    if invite.role != new.role {
        return Err(Refusal::InviteForRole { role: invite.role }.into());
    }
    sweep(tx)?;
    invite.used = Some(InviteUse { node: new.id, at: tx.at });
    tx.rows.put_record(table::invite(id), &invite);
    Ok(())
}
