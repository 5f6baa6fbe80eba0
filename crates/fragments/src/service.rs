//! What answers other nodes: their questions, put to the disks of this one.
//!
//! **Invariants**
//! - Only nodes of the cluster are answered.
//! - Nothing is stored whose header, length and checksum do not agree.
//! - The bytes on their way in and out are bounded, however many ask.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use units::{DiskId, planted};
use wire::{Body, Call, Caller, Handler, Refused, Reply};

use crate::limits::{
    ANSWERING_BYTES_MAX, CALL_BYTES_MAX, CALL_NAMES_MAX, FRAGMENT_BYTES_MAX, RECEIVING_BYTES_MAX,
    REMOTE_LIST_MAX,
};
use crate::protocol::{self, Answer, Arriving, Fault, Question, length};
use crate::{
    Challenge, DiskReport, Fragment, FragmentName, FragmentStore, NodeReport, Nonce, ReadError,
    SignedHolding, WriteError,
};

/// Answers [`wire::Service::Fragments`] from the disks of this node.
pub struct FragmentService {
    store: FragmentStore,
    /// Bytes that may be received at once.
    receiving: Semaphore,
    /// Bytes that may be on their way out at once.
    answering: Arc<Semaphore>,
}

impl FragmentService {
    /// Answers from these disks.
    pub fn new(store: FragmentStore) -> Self {
        let receiving = Semaphore::new(RECEIVING_BYTES_MAX);
        let answering = Arc::new(Semaphore::new(ANSWERING_BYTES_MAX));
        Self { store, receiving, answering }
    }
}

#[async_trait]
impl Handler for FragmentService {
    // Cancel-safety: an append or removal that the disk was asked for is carried out.
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused> {
        if !matches!(caller, Caller::Node(_)) && !planted::is_on("fragments-answers-strangers") {
            return Err(refused("only nodes of the cluster may ask for fragments"));
        }
        let question = protocol::decode(&call.head).map_err(|error| refused(&error.to_string()))?;
        let (answer, body) = self.answer(question, call.body).await?;
        let head = protocol::encode(&answer).map_err(|error| refused(&error.to_string()))?;
        Ok(Reply { head, body: Body::whole(body) })
    }
}

impl FragmentService {
    async fn answer(&self, question: Question, body: Body) -> Result<(Answer, Bytes), Refused> {
        let store = &self.store;
        let answer = match question {
            Question::Append { disk, arriving } => self.append(disk, &arriving, body).await?,
            Question::RemovePart { disk, part } => removed(store.remove_part(disk, part).await),
            Question::Remove { disk, names } => {
                let names = few(names)?.into_iter().map(FragmentName::from).collect();
                removed(store.remove(disk, names).await)
            }
            Question::Read { disk, name, start, end } => {
                return self.read(disk, name.into(), start, end).await;
            }
            Question::ReadWhole { disk, name } => return self.read_whole(disk, name.into()).await,
            Question::Lengths { disk, .. } | Question::List { disk, .. } if !store.has(disk) => {
                Answer::failed(Fault::NoSuchDisk)
            }
            Question::Lengths { disk, names } => {
                let length = |name| store.length(disk, FragmentName::from(name)).map(length);
                Answer::Lengths { lengths: few(names)?.into_iter().map(length).collect() }
            }
            Question::Holders { name, besides } => {
                Answer::Holders { disks: store.elsewhere(besides, name.into()) }
            }
            Question::List { disk, after, limit } => {
                let limit = (limit as usize).min(REMOTE_LIST_MAX);
                Answer::listed(&store.list(disk, after.map(Into::into), limit))
            }
            Question::Report => Answer::report(&self.report()),
            Question::Prove { disk, name, nonce, range } => {
                let range = range.map(|(start, end)| start as usize..end as usize);
                let _room = self.room(FRAGMENT_BYTES_MAX).await?;
                match store.prove(disk, name.into(), Nonce(nonce), range).await {
                    Ok(proof) => Answer::Proof { proof: proof.0 },
                    Err(error) => Answer::failed(error.into()),
                }
            }
            Question::Challenge { disk, name, start, end, nonce, epoch } => {
                let nonce = Nonce(nonce);
                let challenge = Challenge { disk, name: name.into(), start, end, nonce, epoch };
                let _room = self.room((end as usize).saturating_sub(start as usize)).await?;
                match store.answer(&challenge).await {
                    Ok(Some(SignedHolding { holding, at, signature })) => {
                        Answer::Signed { holding: holding.into(), at, signature }
                    }
                    Ok(None) => return Err(refused("nobody signs answers here")),
                    Err(error) => Answer::failed(error.into()),
                }
            }
        };
        Ok((answer, Bytes::new()))
    }

    /// Stores what arrives, if it is what was sent.
    async fn append(
        &self,
        disk: DiskId,
        arriving: &[Arriving],
        body: Body,
    ) -> Result<Answer, Refused> {
        if !self.store.has(disk) {
            return Ok(Answer::failed(Fault::NoSuchDisk));
        }
        let arriving = few(arriving)?;
        let total = arriving.iter().map(|one| one.bytes as usize).sum::<usize>();
        if total > CALL_BYTES_MAX {
            return Err(refused("a call carries more bytes than it may"));
        }
        let headers = arriving.iter().map(Arriving::header_to_store).collect::<Option<Vec<_>>>();
        let headers = headers.ok_or_else(|| refused("a header and its length do not agree"))?;
        // Held until all is stored.
        let room = u32::try_from(total).unwrap_or(u32::MAX);
        let room = self.receiving.acquire_many(room).await;
        let _room = room.map_err(|_| refused("the node is stopping"))?;
        let mut bytes = body.collect(total).await.map_err(|error| refused(&error.to_string()))?;
        if bytes.len() != total {
            return Err(refused("the body is shorter than its head says"));
        }
        let mut fragments = Vec::with_capacity(headers.len());
        for (one, header) in arriving.iter().zip(headers) {
            // Their sum is the whole's length.
            let payload = bytes.split_to((one.bytes as usize).min(bytes.len()));
            if !protocol::is_intact(&payload, one.checksum) {
                tracing::error!(%disk, name = %header.name, "a fragment arrived damaged");
                return Ok(Answer::failed(Fault::Garbled));
            }
            fragments.push(Fragment { header, payload });
        }
        Ok(match self.store.append_many(disk, fragments).await {
            Ok(()) => Answer::Stored,
            Err(error) => Answer::failed(error.into()),
        })
    }

    async fn read(
        &self,
        disk: DiskId,
        name: FragmentName,
        start: u32,
        end: u32,
    ) -> Result<(Answer, Bytes), Refused> {
        let range = start as usize..end as usize;
        let room = self.room(range.len()).await?;
        Ok(match self.store.read(disk, name, range).await {
            Ok(payload) => {
                let checksum = protocol::payload_checksum(&payload);
                // A range is no longer than its fragment.
                let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                (Answer::Bytes { bytes, checksum }, held(payload, room))
            }
            Err(error) => failed(error),
        })
    }

    async fn read_whole(
        &self,
        disk: DiskId,
        name: FragmentName,
    ) -> Result<(Answer, Bytes), Refused> {
        let bytes = self.store.length(disk, name).map_or(0, |bytes| length(bytes) as usize);
        let room = self.room(bytes).await?;
        let fragment = match self.store.read_whole(disk, name).await {
            Ok(fragment) => fragment,
            Err(error) => return Ok(failed(error)),
        };
        let Some(said) = Arriving::of(&fragment) else {
            return Ok(failed(ReadError::Damaged { name }));
        };
        Ok((Answer::Whole { fragment: said }, held(fragment.payload, room)))
    }

    /// Room for bytes on their way out.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refused> {
        let bytes = u32::try_from(bytes.min(FRAGMENT_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.answering).acquire_many_owned(bytes).await;
        room.map_err(|_| refused("the node is stopping"))
    }

    /// How the disks of this node do.
    fn report(&self) -> NodeReport {
        report_of(&self.store)
    }
}

/// How the disks of a store do.
pub(crate) fn report_of(store: &FragmentStore) -> NodeReport {
    let disk = |disk| {
        let (state, poison) = (store.state(disk)?, store.poison(disk));
        Some(DiskReport { disk, state, poison, space: store.space(disk) })
    };
    NodeReport {
        disks: store.disks().into_iter().filter_map(disk).collect(),
        missing: store.missing().into_iter().collect(),
    }
}

/// Bytes that give their room back when they have been sent.
fn held(bytes: Bytes, room: OwnedSemaphorePermit) -> Bytes {
    struct Held {
        bytes: Bytes,
        _room: OwnedSemaphorePermit,
    }
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    Bytes::from_owner(Held { bytes, _room: room })
}

fn failed(error: ReadError) -> (Answer, Bytes) {
    (Answer::failed(error.into()), Bytes::new())
}

fn removed(outcome: Result<u64, WriteError>) -> Answer {
    match outcome {
        Ok(count) => Answer::Removed { count },
        Err(error) => Answer::failed(error.into()),
    }
}

/// A list that is not longer than a call's may be.
fn few<L: AsRef<[T]>, T>(list: L) -> Result<L, Refused> {
    if list.as_ref().len() > CALL_NAMES_MAX {
        return Err(refused("a call names more fragments than it may"));
    }
    Ok(list)
}

fn refused(reason: &str) -> Refused {
    Refused { reason: reason.to_owned() }
}
