//! A machine that is about to join: it has an invitation's key, and knows one node.

use core::time::Duration;
use std::sync::Arc;

use tokio::time::timeout;
use units::NodeId;
use vault::NodeIdentity;

use super::ask::ask;
use super::credentials::Credentials;
use super::lane::Lane;
use super::link::{Link, Shared};
use crate::answer::head_checked;
use crate::{Call, GuestError, Peer, Reply, Service};

/// A connection by invitation. It ends when this is dropped.
pub struct Guest(Arc<Link>);

impl Guest {
    /// Connects to the node that the invitation names, by its key and addresses.
    pub async fn dial(
        inviting: &Peer,
        invitation: Arc<NodeIdentity>,
        within: Duration,
    ) -> Result<Self, GuestError> {
        let shared = Arc::new(Shared::new(Credentials::new(invitation)));
        // Its id is learned by joining; its key is what counts.
        let unnamed = NodeId::from_u128(0);
        let guest = Self(Arc::new(Link::new(unnamed, inviting.clone(), shared)));
        let lane = guest.0.lane(Service::Join);
        match timeout(within, Lane::open(&guest.0, lane)).await {
            Ok(Ok(_)) => Ok(guest),
            Ok(Err(reason)) => Err(GuestError::Unreachable { reason: reason.to_string() }),
            Err(_) => {
                Err(GuestError::Unreachable { reason: format!("no connection within {within:?}") })
            }
        }
    }

    /// Asks it. The deadline is as in [`crate::Transport::call`].
    pub async fn call(&self, call: Call, within: Duration) -> Result<Reply, GuestError> {
        head_checked(call.head.len()).map_err(GuestError::Refused)?;
        Ok(ask(&self.0, call, within).await?)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.shared.end.cancel();
    }
}
