//! Invitations: a token for a machine that is to join.

use core::net::IpAddr;
use core::time::Duration;

use admin::Fault;
use admin::model::{Invite, InviteMade, InviteNew, InviteState, date_text};
use catalog::command::{InviteCreate, InviteRevoke};
use catalog::limits::{INVITE_LIFE_MAX, INVITE_MADE_BY_BYTES_MAX};
use catalog::{Command, NodeAddress, NodeRole};
use units::{InviteId, Timestamp};

use super::sites::role_text;
use super::{SiteOperations, unproposed, unread};
use crate::cluster::Token;
use crate::trouble::chain;

impl SiteOperations {
    pub(super) fn invites(&self) -> Result<Vec<Invite>, Fault> {
        let mut rows = self.view().invites().map_err(|error| unread(&error))?;
        rows.sort_by_key(|row| (row.made, row.id));
        let now = self.clock.now();
        Ok(rows.iter().map(|row| model(row, now)).collect())
    }

    pub(super) async fn create_invite(
        &self,
        new: InviteNew,
        made_by: &str,
    ) -> Result<InviteMade, Fault> {
        let life = Duration::from_secs(new.expires_in_seconds);
        if life.is_zero() || life > INVITE_LIFE_MAX {
            let days = INVITE_LIFE_MAX.as_secs() / 86_400;
            return Err(Fault::invalid(
                format!("an invitation is open for at most {days} days, and not for no time"),
                "say 1h, 30m or 2d",
            ));
        }
        let hands = &self.cluster;
        let addresses: Vec<String> = hands.addresses.iter().map(ToString::to_string).collect();
        let key = hands.key.public();
        let role = if new.witness { NodeRole::Witness } else { NodeRole::Full };
        if role == NodeRole::Full && self.objects.parts().vault.is_blind() {
            return Err(Fault::conflict(
                "this node is a witness and has no root key to hand to a machine that joins",
                "invite at another site: essaim site list",
            ));
        }
        let token =
            Token::draw(hands.cluster, key, addresses.clone(), &*self.random).letting_in(role);
        let held = token
            .identity()
            .map_err(|error| Fault::new(admin::FaultKind::Internal, chain(&error), "try again"))?;
        let mut made_by = made_by.to_owned();
        while made_by.len() > INVITE_MADE_BY_BYTES_MAX {
            made_by.pop();
        }
        let create = InviteCreate {
            id: token.invite,
            key: held.public(),
            role,
            expires: self.clock.now().after(life),
            made_by,
        };
        let done = self.consensus.propose(Command::InviteCreate(create)).await;
        done.map_err(|error| unproposed(&error))?;
        let row = self.view().invite(token.invite).map_err(|error| unread(&error))?;
        let row = row.ok_or_else(|| unknown(&token.invite.to_string()))?;
        Ok(InviteMade {
            invite: model(&row, self.clock.now()),
            token: token.text().to_string(),
            only_this_machine: hands.addresses.iter().all(is_this_machine),
            addresses,
        })
    }

    pub(super) async fn revoke_invite(&self, text: &str) -> Result<(), Fault> {
        let id: InviteId = text.parse().map_err(|_| unknown(text))?;
        let done = self.consensus.propose(Command::InviteRevoke(InviteRevoke { id })).await;
        done.map(|_| ()).map_err(|error| unproposed(&error))
    }
}

fn unknown(id: &str) -> Fault {
    Fault::not_found("invitation", id, "essaim invite list")
}

fn model(row: &catalog::Invite, now: Timestamp) -> Invite {
    let state = match row.used {
        Some(_) => InviteState::Used,
        None if row.is_open(now) => InviteState::Open,
        None => InviteState::Expired,
    };
    Invite {
        id: row.id.to_string(),
        state,
        made: date_text(row.made),
        made_by: row.made_by.clone(),
        role: role_text(row.role).to_owned(),
        expires: date_text(row.expires),
        used_by: row.used.map(|used| used.node.to_string()),
        used: row.used.map(|used| date_text(used.at)),
    }
}

/// Whether an address is good on this machine only.
fn is_this_machine(address: &NodeAddress) -> bool {
    let host = address.as_str().rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_known() {
        for (text, is_ours) in [
            ("127.0.0.1:8422", true),
            ("127.1.2.3:1", true),
            ("[::1]:8422", true),
            ("localhost:8422", true),
            ("192.0.2.7:8422", false),
            ("[2001:db8::1]:8422", false),
            ("essaim.example:8422", false),
        ] {
            assert_eq!(is_this_machine(&NodeAddress::new(text).unwrap()), is_ours, "{text}");
        }
    }
}
