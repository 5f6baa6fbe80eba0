//! Real sockets on the loopback.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use units::{InviteId, NodeId, NodePublicKey};
use vault::NodeIdentity;
use wire::{Call, Guest, GuestError, Peer, Reply, Roster, TcpParts, TcpTransport, Transport};

use super::lab::{Asks, LONG, Lab};

/// The real network. A node keeps its port when it is started again.
#[derive(Default)]
pub struct TcpLab(Mutex<BTreeMap<NodeId, (SocketAddr, Option<TcpListener>)>>);

/// A key pair of its own for each number.
pub fn identity(kind: u8, number: u128) -> NodeIdentity {
    NodeIdentity::from_seed(&seed(kind, number)).unwrap()
}

pub fn seed(kind: u8, number: u128) -> [u8; 32] {
    let mut seed = [kind; 32];
    seed[..16].copy_from_slice(&number.to_be_bytes());
    seed
}

impl TcpLab {
    /// Where this node is reached.
    pub fn address(&self, node: NodeId) -> SocketAddr {
        let mut listeners = self.0.lock();
        let (address, _) = listeners.entry(node).or_insert_with(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            (listener.local_addr().unwrap(), Some(listener))
        });
        *address
    }

    fn listener(&self, node: NodeId) -> TcpListener {
        let address = self.address(node);
        let held = self.0.lock().get_mut(&node).and_then(|(_, held)| held.take());
        held.unwrap_or_else(|| TcpListener::bind(address).unwrap())
    }

    pub async fn start_tcp(&self, node: NodeId, roster: Roster) -> Arc<TcpTransport> {
        let identity = Arc::new(identity(b'n', node.to_u128()));
        let listen = self.listener(node);
        TcpTransport::start(TcpParts { me: node, identity, listen, roster }).unwrap()
    }
}

#[async_trait]
impl Lab for TcpLab {
    fn peer(&self, node: NodeId) -> Peer {
        let address = self.address(node);
        let key = identity(b'n', node.to_u128()).public();
        Peer { key, addresses: vec![address.to_string()] }
    }

    fn invite_key(&self, invite: InviteId) -> NodePublicKey {
        identity(b'i', invite.to_u128()).public()
    }

    async fn start(&self, node: NodeId, roster: Roster) -> Arc<dyn Transport> {
        self.start_tcp(node, roster).await
    }

    async fn guest(&self, invite: InviteId, server: NodeId) -> Box<dyn Asks> {
        let identity = Arc::new(identity(b'i', invite.to_u128()));
        let peer = self.peer(server);
        Box::new(Guest::dial(&peer, identity, LONG).await.unwrap())
    }
}

#[async_trait]
impl Asks for Guest {
    async fn ask(&self, call: Call, within: Duration) -> Result<Reply, GuestError> {
        self.call(call, within).await
    }
}
