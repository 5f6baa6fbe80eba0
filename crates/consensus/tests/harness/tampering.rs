//! A way to the other nodes on which answers to commands are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use units::NodeId;
use wire::{
    Body, BodyError, Call, CallError, Contact, Handler, Refused, Reply, Roster, Service, Transport,
};

/// The kind of a call that carries commands, the second byte of its head.
const PROPOSE: u8 = 4;

/// The kind of a call about a clock.
const CLOCK: u8 = 11;

/// What becomes of questions about clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clocks {
    /// They are answered.
    #[default]
    Answered,
    /// They are lost, each after a moment.
    Lost,
    /// They are refused as by a node of an older build.
    Unknown,
}

/// What becomes of the answers to commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// They arrive.
    #[default]
    Arrive,
    /// They come too late, after the commands were carried out.
    Late,
    /// They begin, and their body breaks off.
    BreakOff,
}

/// What is done to all calls of a cluster.
#[derive(Default)]
pub struct Tampering {
    pub answers: Mutex<Answers>,
    pub clocks: Mutex<Clocks>,
    /// Nobody reaches this node, which reaches the others: it is at another address.
    pub moved: Mutex<Option<NodeId>>,
    /// Calls with commands so far.
    pub proposals: AtomicU64,
}

/// One node's way to the others.
pub struct Tampered {
    pub inner: Arc<dyn Transport>,
    pub tampering: Arc<Tampering>,
}

#[async_trait]
impl Transport for Tampered {
    fn me(&self) -> NodeId {
        self.inner.me()
    }

    async fn call(&self, to: NodeId, call: Call, within: Duration) -> Result<Reply, CallError> {
        if *self.tampering.moved.lock() == Some(to) {
            let reason = "nobody is at that address".to_owned();
            return Err(CallError::Unreachable { node: to, reason });
        }
        if call.service == Service::Catalog && call.head.get(1) == Some(&CLOCK) {
            let clocks = *self.tampering.clocks.lock();
            match clocks {
                Clocks::Answered => {}
                Clocks::Lost => {
                    let reason = "a test".to_owned();
                    return Err(CallError::Broken { node: to, reason });
                }
                Clocks::Unknown => {
                    // What builds without the question say.
                    let refused = Refused { reason: "no question 11 here".to_owned() };
                    return Err(CallError::Refused { node: to, refused });
                }
            }
        }
        if call.service != Service::Catalog || call.head.get(1) != Some(&PROPOSE) {
            return self.inner.call(to, call, within).await;
        }
        self.tampering.proposals.fetch_add(1, Ordering::SeqCst);
        let reply = self.inner.call(to, call, within).await?;
        let answers = *self.tampering.answers.lock();
        match answers {
            Answers::Arrive => Ok(reply),
            Answers::Late => Err(CallError::Late { node: to, within }),
            Answers::BreakOff => {
                let broken = BodyError::Broken { reason: "a test".to_owned() };
                let pieces = [Ok(Bytes::from_static(&[1])), Err(broken)];
                let body = Body::pieces(futures::stream::iter(pieces));
                Ok(Reply { head: reply.head, body })
            }
        }
    }

    fn contact(&self, with: NodeId) -> Contact {
        self.inner.contact(with)
    }

    fn serve(&self, service: Service, handler: Arc<dyn Handler>) {
        self.inner.serve(service, handler);
    }

    fn roster_set(&self, roster: Roster) {
        self.inner.roster_set(roster);
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}
