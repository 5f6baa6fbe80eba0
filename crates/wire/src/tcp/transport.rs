//! A node on the real network.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use thiserror::Error;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use units::{NodeId, planted};
use vault::NodeIdentity;

use super::accept::accept;
use super::ask::ask;
use super::credentials::Credentials;
use super::inbound::Inbounds;
use super::link::{Link, Shared};
use super::serve::Server;
use crate::answer::{Answer, Services, head_checked};
use crate::{Call, CallError, Caller, Contact, Handler, Peer, Reply, Roster, Service, Transport};

/// What a node needs to speak with others.
#[derive(Debug)]
pub struct TcpParts {
    /// This node.
    pub me: NodeId,
    /// What it proves itself by.
    pub identity: Arc<NodeIdentity>,
    /// Where others reach it, bound already.
    pub listen: std::net::TcpListener,
    /// Whom it knows.
    pub roster: Roster,
}

/// Why a node cannot speak with others.
#[derive(Debug, Error)]
pub enum StartError {
    /// The operating system does not let it listen.
    #[error("cannot listen for other nodes: {0}")]
    Listen(#[from] std::io::Error),
    /// The identity does not do for TLS.
    #[error("cannot set up TLS for this node: {0}")]
    Tls(#[from] rustls::Error),
}

/// The real half of [`Transport`].
pub struct TcpTransport {
    me: NodeId,
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Arc<Server>,
    roster: Arc<RwLock<Roster>>,
    links: RwLock<BTreeMap<NodeId, Arc<Link>>>,
    /// One roster is set at a time.
    changing: Mutex<()>,
}

impl TcpTransport {
    /// Starts listening, within the runtime that this is called in.
    pub fn start(parts: TcpParts) -> Result<Arc<Self>, StartError> {
        let TcpParts { me, identity, listen, roster } = parts;
        listen.set_nonblocking(true)?;
        let address = listen.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listen)?;
        let credentials = Credentials::new(identity);
        let known = Arc::new(RwLock::new(Roster::default()));
        let acceptor = TlsAcceptor::from(Arc::new(credentials.server(known.clone())?));
        let shared = Arc::new(Shared::new(credentials));
        let server = Arc::new(Server {
            shared: shared.clone(),
            inbounds: Inbounds::new(known.clone()),
            services: Services::default(),
            ways: RwLock::default(),
        });
        let transport = Arc::new(Self {
            me,
            address,
            shared: shared.clone(),
            server: server.clone(),
            roster: known,
            links: RwLock::default(),
            changing: Mutex::new(()),
        });
        transport.roster_set(roster);
        shared.tasks.spawn(accept(listener, acceptor, server));
        Ok(transport)
    }

    /// Where it listens.
    pub const fn local_address(&self) -> SocketAddr {
        self.address
    }

    async fn ask_itself(&self, call: Call, within: Duration) -> Result<Reply, CallError> {
        let node = self.me;
        match timeout(within, self.server.services.answer(Caller::Node(node), call)).await {
            Ok(Answer::Reply(reply)) => Ok(reply),
            Ok(Answer::Refused(refused)) => Err(CallError::Refused { node, refused }),
            Ok(Answer::Failed(reason)) => {
                Err(CallError::Broken { node, reason: reason.to_owned() })
            }
            Err(_) => Err(CallError::Late { node, within }),
        }
    }

    /// The links that fit this roster; what is cut on the way is returned.
    fn links_changed(&self, nodes: &BTreeMap<NodeId, Peer>) -> Vec<Arc<Link>> {
        let mut links = self.links.write();
        let mut cut = Vec::new();
        links.retain(|node, link| {
            let key = link.peer.lock().key;
            let stays = nodes.get(node).filter(|peer| peer.key == key);
            match stays {
                Some(peer) => link.addresses_set(&peer.addresses),
                None => cut.push(link.clone()),
            }
            stays.is_some()
        });
        for (node, peer) in nodes.iter().filter(|(node, _)| **node != self.me) {
            links
                .entry(*node)
                .or_insert_with(|| Arc::new(Link::new(*node, peer.clone(), self.shared.clone())));
        }
        *self.server.ways.write() =
            links.iter().map(|(node, link)| (*node, link.health.clone())).collect();
        cut
    }
}

#[async_trait]
impl Transport for TcpTransport {
    fn me(&self) -> NodeId {
        self.me
    }

    async fn call(&self, to: NodeId, call: Call, within: Duration) -> Result<Reply, CallError> {
        if let Err(refused) = head_checked(call.head.len()) {
            return Err(CallError::Refused { node: to, refused });
        }
        if to == self.me {
            return self.ask_itself(call, within).await;
        }
        let link = self.links.read().get(&to).cloned();
        match link {
            Some(link) => ask(&link, call, within).await,
            None => Err(CallError::NoSuchNode { node: to }),
        }
    }

    fn contact(&self, with: NodeId) -> Contact {
        let links = self.links.read();
        links.get(&with).map(|link| link.health.contact()).unwrap_or_default()
    }

    fn serve(&self, service: Service, handler: Arc<dyn Handler>) {
        self.server.services.serve(service, handler);
    }

    fn roster_set(&self, roster: Roster) {
        let _one = self.changing.lock();
        let cut = self.links_changed(&roster.nodes);
        *self.roster.write() = roster;
        if planted::is_on("wire-keeps-removed") {
            return;
        }
        for link in cut {
            link.cut.cancel();
        }
        self.server.inbounds.roster_changed();
    }

    async fn shutdown(&self) {
        self.shared.end.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.server.services.clear();
    }
}

impl Drop for TcpTransport {
    fn drop(&mut self) {
        self.shared.end.cancel();
    }
}
