//! A place to try things in: nodes, rosters, handlers.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use units::{InviteId, NodeId, NodePublicKey};
use wire::{
    Body, Call, CallError, Caller, GuestError, Handler, Peer, Refused, Reply, Roster, Service,
    SimGuest, SimNetwork, Transport,
};

/// Long enough for anything that is to succeed.
pub const LONG: Duration = Duration::from_secs(10);

pub const fn node(number: u128) -> NodeId {
    NodeId::from_u128(number)
}

pub const fn invite(number: u128) -> InviteId {
    InviteId::from_u128(number)
}

/// One of the two networks.
#[async_trait]
pub trait Lab: Send + Sync {
    fn peer(&self, node: NodeId) -> Peer;
    fn invite_key(&self, invite: InviteId) -> NodePublicKey;
    async fn start(&self, node: NodeId, roster: Roster) -> Arc<dyn Transport>;
    /// The machine that holds this invitation, and the node that it asks.
    async fn guest(&self, invite: InviteId, server: NodeId) -> Box<dyn Asks>;

    fn roster(&self, nodes: &[NodeId]) -> Roster {
        let nodes = nodes.iter().map(|node| (*node, self.peer(*node))).collect();
        Roster { nodes, invites: BTreeMap::new() }
    }

    /// Two nodes that know each other. The first is connected to the second, so that a
    /// trial of short deadlines does not measure handshakes.
    async fn pair(&self) -> [Arc<dyn Transport>; 2] {
        let roster = self.roster(&[node(1), node(2)]);
        let one = self.start(node(1), roster.clone()).await;
        let two = self.start(node(2), roster).await;
        for service in [Service::Status, Service::Fragments, Service::Fragments] {
            let refused = one.call(two.me(), call(service, "nobody answers yet"), LONG).await;
            assert!(matches!(refused, Err(CallError::Refused { .. })), "{refused:?}");
        }
        [one, two]
    }
}

/// Asks one node.
#[async_trait]
pub trait Asks: Send + Sync {
    async fn ask(&self, call: Call, within: Duration) -> Result<Reply, GuestError>;
}

#[async_trait]
impl Asks for SimGuest {
    async fn ask(&self, call: Call, within: Duration) -> Result<Reply, GuestError> {
        self.call(call, within).await
    }
}

pub struct SimLab(pub Arc<SimNetwork>);

#[async_trait]
impl Lab for SimLab {
    fn peer(&self, node: NodeId) -> Peer {
        Peer { key: SimNetwork::node_key(node), addresses: Vec::new() }
    }

    fn invite_key(&self, invite: InviteId) -> NodePublicKey {
        SimNetwork::invite_key(invite)
    }

    async fn start(&self, node: NodeId, roster: Roster) -> Arc<dyn Transport> {
        self.0.join(node, roster)
    }

    async fn guest(&self, invite: InviteId, server: NodeId) -> Box<dyn Asks> {
        Box::new(self.0.guest(invite, server))
    }
}

/// A handler from a closure.
pub struct Answers<F>(pub F);

#[async_trait]
impl<F> Handler for Answers<F>
where
    F: Fn(Caller, Call) -> BoxFuture<'static, Result<Reply, Refused>> + Send + Sync + 'static,
{
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused> {
        (self.0)(caller, call).await
    }
}

pub fn answers<F, R>(answer: F) -> Arc<dyn Handler>
where
    F: Fn(Caller, Call) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Reply, Refused>> + Send + 'static,
{
    Arc::new(Answers(move |caller, call| {
        Box::pin(answer(caller, call)) as BoxFuture<'static, Result<Reply, Refused>>
    }))
}

/// Sends back what it gets, as it comes.
pub fn echo() -> Arc<dyn Handler> {
    answers(|_, call| async { Ok(Reply { head: call.head, body: call.body }) })
}

/// Never answers.
pub fn silence(
    started: Arc<tokio::sync::Notify>,
    dropped: Arc<tokio::sync::Notify>,
) -> Arc<dyn Handler> {
    answers(move |_, call| {
        let (started, dropped) = (started.clone(), dropped.clone());
        async move {
            let _tells = Tells(dropped);
            let _call = call;
            started.notify_one();
            futures::future::pending().await
        }
    })
}

/// Tells when it is dropped.
pub struct Tells(pub Arc<tokio::sync::Notify>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

pub fn call(service: Service, head: &'static str) -> Call {
    Call { service, head: Bytes::from_static(head.as_bytes()), body: Body::empty() }
}

/// Bytes that differ from place to place.
pub fn pattern(length: usize) -> Bytes {
    let mut state = 0x9E37_79B9_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

/// The result of something that must not take long.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LONG, future).await;
    done.unwrap_or_else(|_| panic!("{what}: not in time"))
}
