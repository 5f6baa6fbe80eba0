//! A way between nodes of one process that does to a call what a trial asks for.
//!
//! Calls reach the other node's handler at once. [`wire::SimNetwork`] has delays and
//! partitions; this has bits that flip, which no network that is authenticated shows, but
//! memory and cards do.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use units::NodeId;
use wire::{Body, Call, CallError, Caller, Contact, Handler, Reply, Roster, Service, Transport};

/// What happens to calls to a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mishap {
    /// They are answered.
    #[default]
    None,
    /// There is no connection.
    Down,
    /// Nothing ever comes back, and nothing arrives.
    Silent,
    /// They are carried out, and the connection breaks before the answer.
    AnswerLost,
    /// One bit of the body flips on the way there.
    FlipThere,
    /// One bit of the body flips on the way back.
    FlipBack,
    /// One bit of the answer's head flips.
    FlipHead,
}

/// The nodes of one process, by what answers for them.
#[derive(Default)]
pub struct RelayNetwork {
    handlers: Mutex<BTreeMap<NodeId, Arc<dyn Handler>>>,
    mishaps: Mutex<BTreeMap<NodeId, Mishap>>,
}

impl RelayNetwork {
    /// The way of a node to the others.
    pub fn join(self: &Arc<Self>, me: NodeId) -> Arc<Relay> {
        Arc::new(Relay { me, network: Arc::clone(self) })
    }

    /// What happens to calls to a node from now on.
    pub fn mishap_set(&self, node: NodeId, mishap: Mishap) {
        self.mishaps.lock().insert(node, mishap);
    }

    fn mishap(&self, node: NodeId) -> Mishap {
        self.mishaps.lock().get(&node).copied().unwrap_or_default()
    }
}

/// The way of one node to the others.
pub struct Relay {
    me: NodeId,
    network: Arc<RelayNetwork>,
}

#[async_trait]
impl Transport for Relay {
    fn me(&self) -> NodeId {
        self.me
    }

    async fn call(&self, to: NodeId, mut call: Call, within: Duration) -> Result<Reply, CallError> {
        let mishap = self.network.mishap(to);
        let broken = |reason: &str| CallError::Broken { node: to, reason: reason.to_owned() };
        match mishap {
            Mishap::Down => {
                let reason = "it is down".to_owned();
                return Err(CallError::Unreachable { node: to, reason });
            }
            Mishap::Silent => {
                tokio::time::sleep(within).await;
                return Err(CallError::Late { node: to, within });
            }
            Mishap::FlipThere => call.body = flipped(call.body).await,
            Mishap::None | Mishap::AnswerLost | Mishap::FlipBack | Mishap::FlipHead => {}
        }
        let handler = self.network.handlers.lock().get(&to).map(Arc::clone);
        let handler = handler.ok_or(CallError::NoSuchNode { node: to })?;
        let answered = handler.handle(Caller::Node(self.me), call).await;
        let mut reply = answered.map_err(|refused| CallError::Refused { node: to, refused })?;
        match mishap {
            Mishap::AnswerLost => return Err(broken("the answer was lost")),
            Mishap::FlipBack => reply.body = flipped(reply.body).await,
            Mishap::FlipHead => reply.head = flip(&reply.head),
            _ => {}
        }
        Ok(reply)
    }

    fn contact(&self, with: NodeId) -> Contact {
        let is_heard = !matches!(self.network.mishap(with), Mishap::Down | Mishap::Silent);
        let heard_ago = is_heard.then_some(Duration::ZERO);
        Contact { reached: Some(is_heard), round_trip: None, heard_ago }
    }

    fn serve(&self, service: Service, handler: Arc<dyn Handler>) {
        if service == Service::Fragments {
            self.network.handlers.lock().insert(self.me, handler);
        }
    }

    fn roster_set(&self, _roster: Roster) {}

    async fn shutdown(&self) {
        self.network.handlers.lock().remove(&self.me);
    }
}

async fn flipped(body: Body) -> Body {
    let bytes = body.collect(usize::MAX).await.unwrap_or_default();
    Body::whole(flip(&bytes))
}

/// The same bytes but for one bit in the midst of them.
fn flip(bytes: &[u8]) -> Bytes {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 4;
    }
    bytes.into()
}
