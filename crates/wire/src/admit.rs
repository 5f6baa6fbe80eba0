//! Who is let in, and what for: one place decides it for the real and the simulated half.

use units::{NodeId, NodePublicKey, planted};

use crate::{Caller, Peer, Roster, Service};

/// Whom this key belongs to; `None` if it is nobody who may call.
pub(crate) fn admit(roster: &Roster, key: NodePublicKey) -> Option<Caller> {
    let node = roster.nodes.iter().find(|(_, peer)| peer.key == key);
    if planted::is_on("wire-trusts-any-key") {
        return roster.nodes.keys().next().map(|node| Caller::Node(*node));
    }
    let invite = || roster.invites.iter().find(|(_, invited)| **invited == key);
    match node {
        Some((node, _)) => Some(Caller::Node(*node)),
        None => invite().map(|(invite, _)| Caller::Invited(*invite)),
    }
}

/// Whether this caller may call this service: an invitation opens the door, nothing else.
pub(crate) const fn may_call(caller: Caller, service: Service) -> bool {
    match caller {
        Caller::Node(_) => true,
        Caller::Invited(_) => matches!(service, Service::Join),
    }
}

/// A node as the roster has it now.
pub(crate) fn peer(roster: &Roster, node: NodeId) -> Option<&Peer> {
    roster.nodes.get(&node)
}

#[cfg(test)]
mod tests {
    use units::InviteId;

    use super::*;

    #[test]
    fn only_keys_of_the_roster_are_let_in() {
        let [node, invited, other] = [1, 2, 3].map(|byte| NodePublicKey([byte; 32]));
        let mut roster = Roster::default();
        let id = NodeId::from_u128(7);
        roster.nodes.insert(id, Peer { key: node, addresses: Vec::new() });
        roster.invites.insert(InviteId::from_u128(8), invited);
        assert_eq!(admit(&roster, node), Some(Caller::Node(id)));
        assert_eq!(admit(&roster, invited), Some(Caller::Invited(InviteId::from_u128(8))));
        assert_eq!(admit(&roster, other), None);
        roster.invites.insert(InviteId::from_u128(9), node);
        assert_eq!(admit(&roster, node), Some(Caller::Node(id)), "a member needs no invitation");
    }

    #[test]
    fn an_invitation_is_for_joining_alone() {
        for service in Service::ALL {
            assert!(may_call(Caller::Node(NodeId::from_u128(1)), service));
            let invited = Caller::Invited(InviteId::from_u128(1));
            assert_eq!(may_call(invited, service), service == Service::Join, "{service:?}");
        }
    }
}
