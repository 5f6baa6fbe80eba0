//! The connections that others have opened to this node, and who they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use units::{NodePublicKey, planted};

use crate::admit::admit;
use crate::limits::{CONNECTIONS_OF_INVITED_MAX, CONNECTIONS_OF_NODE_MAX};
use crate::{Caller, Roster};

/// Every connection that was let in.
pub(super) struct Inbounds {
    roster: Arc<RwLock<Roster>>,
    open: Mutex<BTreeMap<u64, Inbound>>,
}

/// One connection, as its task and the roster see it.
#[derive(Clone)]
pub(super) struct Inbound {
    pub number: u64,
    pub key: NodePublicKey,
    pub caller: Caller,
    /// Ends it at once.
    pub cut: CancellationToken,
    /// Lets it end what is under way, and begin nothing: the invitation is closed.
    pub spent: CancellationToken,
}

impl Inbounds {
    pub(super) fn new(roster: Arc<RwLock<Roster>>) -> Self {
        Self { roster, open: Mutex::default() }
    }

    /// Lets a connection in, if the roster has its key now; makes room for it.
    pub(super) fn let_in(
        &self,
        number: u64,
        key: NodePublicKey,
        cut: CancellationToken,
    ) -> Option<Inbound> {
        // Held while the connection is noted: a roster that comes now finds it.
        let roster = self.roster.read();
        let caller = admit(&roster, key)?;
        let inbound = Inbound { number, key, caller, cut, spent: CancellationToken::new() };
        let mut open = self.open.lock();
        let most = match caller {
            Caller::Node(_) => CONNECTIONS_OF_NODE_MAX,
            Caller::Invited(_) => CONNECTIONS_OF_INVITED_MAX,
        };
        let same: Vec<u64> =
            open.values().filter(|other| other.key == key).map(|other| other.number).collect();
        for oldest in same.iter().take((same.len() + 1).saturating_sub(most)) {
            if let Some(oldest) = open.remove(oldest) {
                oldest.cut.cancel();
            }
        }
        open.insert(number, inbound.clone());
        Some(inbound)
    }

    /// Whether the roster still has this caller.
    pub(super) fn is_in(&self, inbound: &Inbound) -> bool {
        planted::is_on("wire-keeps-removed")
            || admit(&self.roster.read(), inbound.key) == Some(inbound.caller)
    }

    pub(super) fn ended(&self, inbound: &Inbound) {
        self.open.lock().remove(&inbound.number);
    }

    /// Cuts whoever the roster has no longer. Call it after every change.
    pub(super) fn roster_changed(&self) {
        let gone: Vec<Inbound> =
            self.open.lock().values().filter(|inbound| !self.is_in(inbound)).cloned().collect();
        for inbound in gone {
            match inbound.caller {
                Caller::Node(_) => inbound.cut.cancel(),
                Caller::Invited(_) => inbound.spent.cancel(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use units::{InviteId, NodeId};

    use super::*;
    use crate::Peer;

    #[test]
    fn one_connection_more_closes_the_oldest_of_the_same_key() {
        let [node, invited, other] = [1, 2, 3].map(|byte| NodePublicKey([byte; 32]));
        let mut roster = Roster::default();
        roster.nodes.insert(NodeId::from_u128(1), Peer { key: node, addresses: Vec::new() });
        roster.invites.insert(InviteId::from_u128(2), invited);
        let inbounds = Inbounds::new(Arc::new(RwLock::new(roster)));
        let let_in = |number, key| inbounds.let_in(number, key, CancellationToken::new());
        assert!(let_in(0, other).is_none());
        let guest = let_in(1, invited).unwrap();
        let all: Vec<_> = (2..12).map(|number| let_in(number, node).unwrap()).collect();
        let (closed, open) = all.split_at(10 - CONNECTIONS_OF_NODE_MAX);
        assert!(closed.iter().all(|inbound| inbound.cut.is_cancelled()));
        assert!(!open.iter().any(|inbound| inbound.cut.is_cancelled()));
        assert!(!guest.cut.is_cancelled());
    }
}
