//! The services of a node, and what becomes of a call that reaches one.

use core::panic::AssertUnwindSafe;
use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use parking_lot::RwLock;

use crate::admit::may_call;
use crate::limits::{HEAD_BYTES_MAX, REASON_BYTES_MAX};
use crate::{Call, Caller, Handler, Refused, Reply, Service};

/// How a call ends on the node that is asked.
#[derive(Debug)]
pub(crate) enum Answer {
    /// With a reply.
    Reply(Reply),
    /// With a no.
    Refused(Refused),
    /// With neither: the handler broke, and nobody knows how far it came.
    Failed(&'static str),
}

/// What answers on this node.
#[derive(Clone, Default)]
pub(crate) struct Services(Arc<RwLock<BTreeMap<Service, Arc<dyn Handler>>>>);

impl Services {
    pub(crate) fn serve(&self, service: Service, handler: Arc<dyn Handler>) {
        self.0.write().insert(service, handler);
    }

    /// Nothing answers any more.
    pub(crate) fn clear(&self) {
        self.0.write().clear();
    }

    /// Has a call answered. A handler that panics ends this call and nothing else.
    // Cancel-safety: the handler is dropped with the future.
    pub(crate) async fn answer(&self, caller: Caller, call: Call) -> Answer {
        let service = call.service;
        if !may_call(caller, service) {
            return Answer::Refused(refused("an invitation is for joining only"));
        }
        if let Err(refused) = head_checked(call.head.len()) {
            return Answer::Refused(refused);
        }
        let Some(handler) = self.0.read().get(&service).cloned() else {
            let reason = format!("service {} does not answer on this node yet", service.name());
            return Answer::Refused(refused(&reason));
        };
        match AssertUnwindSafe(handler.handle(caller, call)).catch_unwind().await {
            Ok(Ok(reply)) if reply.head.len() > HEAD_BYTES_MAX => {
                Answer::Failed("the head of its reply is too long")
            }
            Ok(Ok(reply)) => Answer::Reply(reply),
            Ok(Err(said)) => Answer::Refused(refused(&said.reason)),
            Err(_) => Answer::Failed("its handler panicked"),
        }
    }
}

/// Whether a head is short enough to be sent.
pub(crate) fn head_checked(length: usize) -> Result<(), Refused> {
    if length <= HEAD_BYTES_MAX {
        return Ok(());
    }
    Err(refused(&format!("a head of {length} bytes is longer than {HEAD_BYTES_MAX}")))
}

/// A refusal whose reason is not too long to be sent.
pub(crate) fn refused(reason: &str) -> Refused {
    let mut length = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(length) {
        length -= 1;
    }
    Refused { reason: reason.split_at(length).0.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(refused("no").reason, "no");
        let long = format!("a{}", "é".repeat(REASON_BYTES_MAX));
        assert_eq!(refused(&long).reason.len(), REASON_BYTES_MAX - 1);
    }
}
