//! One question to one node: asked, waited for, and its answer checked.

use core::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use units::{DiskId, NodeId};
use wire::{Body, BodyError, Call, CallError, Service, Transport};

use super::reports::Reports;
use super::{Patience, Purpose, Waits};
use crate::limits::SILENCE_LOOK_EVERY;
use crate::protocol::{self, Answer, Fault, Question};
use crate::{FragmentName, ReadError, WriteError};

/// The way to the other nodes.
pub(crate) struct Asker {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) waits: Waits,
}

/// A question without an answer that can be used.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Call(CallError),
    /// What came is no answer to this question.
    Nonsense(String),
}

impl Asker {
    /// Asks a node; gives its answer and at most `most` bytes behind it.
    // Cancel-safety: a question that is dropped may or may not be carried out.
    pub(crate) async fn ask(
        &self,
        reports: &Reports,
        node: NodeId,
        purpose: Purpose,
        patience: Patience,
        question: &Question,
        (body, most): (Body, usize),
    ) -> Result<(Answer, Bytes), Unanswered> {
        let head =
            protocol::encode(question).map_err(|error| Unanswered::Nonsense(error.to_string()))?;
        // What is answered from memory does not stand in the way of anybody.
        let is_upkeep = purpose == Purpose::Upkeep
            && matches!(
                question,
                Question::Append { .. } | Question::Read { .. } | Question::ReadWhole { .. }
            );
        let service = if is_upkeep { Service::Upkeep } else { Service::Fragments };
        let patience = if is_upkeep { self.waits.upkeep } else { patience };
        let call = Call { service, head, body };
        let answered = async {
            let reply = self.transport.call(node, call, patience.longest).await?;
            let bytes = reply.body.collect(most).await.map_err(|error| match error {
                BodyError::Late => CallError::Late { node, within: patience.longest },
                other => CallError::Broken { node, reason: other.to_string() },
            })?;
            Ok((reply.head, bytes))
        };
        let (head, bytes) = match self.patiently(node, patience, answered).await {
            Ok(answered) => answered,
            Err(error) => {
                let is_there = match error {
                    CallError::Refused { .. } => true,
                    // One that is slow is there too.
                    CallError::Late { .. } => self.is_heard(node),
                    _ => false,
                };
                if !is_there {
                    reports.doubt(node);
                }
                return Err(Unanswered::Call(error));
            }
        };
        let answer = protocol::decode(&head);
        answer
            .map(|answer| (answer, bytes))
            .map_err(|error| Unanswered::Nonsense(error.to_string()))
    }

    /// Waits for a node as long as it is worth: a silent one is given up early.
    async fn patiently<T>(
        &self,
        node: NodeId,
        patience: Patience,
        answered: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let mut answered = pin!(answered);
        let begun = Instant::now();
        let latest = begun + patience.longest;
        let mut until = begun + patience.within;
        loop {
            if let Ok(outcome) = timeout_at(until, answered.as_mut()).await {
                return outcome;
            }
            if !self.is_heard(node) || until >= latest {
                return Err(CallError::Late { node, within: begun.elapsed() });
            }
            until = (until + SILENCE_LOOK_EVERY).min(latest);
        }
    }

    /// Whether anything came from a node lately.
    fn is_heard(&self, node: NodeId) -> bool {
        let heard_ago = self.transport.contact(node).heard_ago;
        heard_ago.is_some_and(|ago| ago < self.waits.silent_after)
    }
}

impl Unanswered {
    pub(crate) fn of_write(self, node: NodeId, disk: DiskId) -> WriteError {
        match self {
            Self::Call(CallError::Refused { refused, .. }) => {
                WriteError::Refused { disk, node, reason: refused.reason }
            }
            Self::Call(source) if source.is_unknown() => {
                WriteError::Unanswered { disk, node, source }
            }
            Self::Call(source) => WriteError::Unreachable { disk, node, source },
            Self::Nonsense(reason) => WriteError::FailedThere { disk, node, reason },
        }
    }

    pub(crate) fn of_read(self, node: NodeId, disk: DiskId) -> ReadError {
        match self {
            Self::Call(source) => ReadError::Unreachable { disk, node, source },
            Self::Nonsense(reason) => ReadError::Garbled { disk, node, reason },
        }
    }
}

/// What an answer to a write says, if it is not that it was done.
pub(crate) fn write_fault(answer: Answer, node: NodeId, disk: DiskId) -> WriteError {
    let Answer::Failed { fault } = answer else {
        let reason = "the answer is to another question".to_owned();
        return WriteError::FailedThere { disk, node, reason };
    };
    let there = |reason: &str| WriteError::FailedThere { disk, node, reason: reason.to_owned() };
    match fault {
        Fault::NoSuchDisk => WriteError::NoSuchDisk { disk },
        Fault::Full => WriteError::Full,
        Fault::Poisoned => WriteError::Poisoned,
        Fault::TooManyOpen => WriteError::TooManyOpen,
        Fault::Hanging => WriteError::Hanging,
        Fault::Stopped => there("the node is stopping"),
        Fault::Disk { reason } => WriteError::FailedThere { disk, node, reason },
        Fault::Garbled => WriteError::Garbled { disk, node },
        Fault::Refused { reason } => WriteError::Refused { disk, node, reason },
        Fault::NotFound | Fault::OutOfRange { .. } | Fault::Damaged => {
            there("the answer is to a read")
        }
    }
}

/// What an answer to a read says, if it is not what was asked for.
pub(crate) fn read_fault(
    answer: Answer,
    node: NodeId,
    disk: DiskId,
    name: FragmentName,
) -> ReadError {
    let Answer::Failed { fault } = answer else {
        return garbled(node, disk, "the answer is to another question");
    };
    match fault {
        Fault::NoSuchDisk => ReadError::NoSuchDisk { disk },
        Fault::TooManyOpen => ReadError::TooManyOpen { name },
        Fault::Hanging => ReadError::Hanging { name },
        Fault::Stopped => ReadError::Unreachable {
            disk,
            node,
            source: CallError::Unreachable { node, reason: "it is stopping".to_owned() },
        },
        Fault::Disk { reason } | Fault::Refused { reason } => {
            ReadError::FailedThere { disk, node, reason }
        }
        Fault::NotFound => ReadError::NotFound { name },
        Fault::OutOfRange { bytes, wanted } => {
            ReadError::OutOfRange { name, bytes: units::ByteCount::new(bytes), wanted }
        }
        Fault::Damaged => ReadError::Damaged { name },
        Fault::Full | Fault::Poisoned | Fault::Garbled => {
            garbled(node, disk, "the answer is to a write")
        }
    }
}

/// What came cannot be trusted.
pub(crate) fn garbled(node: NodeId, disk: DiskId, reason: &str) -> ReadError {
    tracing::error!(%node, %disk, reason, "an answer about fragments cannot be trusted");
    ReadError::Garbled { disk, node, reason: reason.to_owned() }
}
