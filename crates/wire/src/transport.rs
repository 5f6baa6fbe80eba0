//! What the engines hold: one trait over the network, real or simulated.

use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use units::NodeId;

use crate::{Call, CallError, Caller, Refused, Reply, Roster, Service};

/// What is known of the way to a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Whether it answered when it was last tried; none if it never was.
    pub reached: Option<bool>,
    /// How long a small question and its answer take, lately.
    pub round_trip: Option<Duration>,
    /// How long ago the last byte came from it.
    pub heard_ago: Option<Duration>,
}

/// Answers the calls to one service of this node.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers one call. Dropped when the caller has gone or its deadline has passed.
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused>;
}

/// The way from this node to the others, and from them to it.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// This node.
    fn me(&self) -> NodeId;

    /// Asks a node. The deadline is for the head of the reply; a body that follows must
    /// not stand still for as long either. Calls to this node itself do not leave it.
    // Cancel-safety: a call that is dropped may or may not be carried out.
    async fn call(&self, to: NodeId, call: Call, within: Duration) -> Result<Reply, CallError>;

    /// What is known of the way to a node.
    fn contact(&self, with: NodeId) -> Contact;

    /// Has a service answered from now on; before that its calls are refused.
    fn serve(&self, service: Service, handler: Arc<dyn Handler>);

    /// The roster from now on. Whoever is no longer in it, or has another key, is cut
    /// off before this returns.
    fn roster_set(&self, roster: Roster);

    /// Ends all connections and takes no more.
    async fn shutdown(&self);
}
