//! A node that lies when it is asked for what it keeps.
//!
//! What lies on its disks is for a trial to change, by the store; here is what it says of
//! it. All other questions it answers as any node does.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use units::DiskId;
use wire::{Body, Call, Caller, Handler, Refused, Reply};

use crate::protocol::{self, Answer, Question};
use crate::{
    Challenge, CustodyProof, CustodySigner, FragmentName, FragmentService, FragmentStore, Holding,
    Nonce, SignedHolding,
};

/// How it lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    /// Not at all.
    #[default]
    None,
    /// It says that it has the bytes of another fragment, or others, under this name.
    OtherBytes,
    /// It says what it said when it was first asked for this range, signature and all.
    OldAnswer,
    /// The same hash, signed anew.
    OldHash,
    /// The right answer, signed with a key that is not that of the node.
    WrongKey,
    /// It refuses to say.
    Silence,
}

type Range = (DiskId, FragmentName, u32, u32);

/// A node that lies.
pub struct Hostile {
    honest: FragmentService,
    store: FragmentStore,
    signer: Arc<dyn CustodySigner>,
    stranger: Arc<dyn CustodySigner>,
    lie: Mutex<Lie>,
    said: Mutex<BTreeMap<Range, SignedHolding>>,
}

impl Hostile {
    /// A node with these disks, whose key this signer has; another signer has another key.
    pub fn new(
        store: FragmentStore,
        signer: Arc<dyn CustodySigner>,
        stranger: Arc<dyn CustodySigner>,
    ) -> Self {
        store.signer_set(Arc::clone(&signer));
        let honest = FragmentService::new(store.clone());
        Self { honest, store, signer, stranger, lie: Mutex::default(), said: Mutex::default() }
    }

    /// How it lies from now on.
    pub fn lie_set(&self, lie: Lie) {
        *self.lie.lock() = lie;
    }

    async fn answer(&self, challenge: &Challenge) -> Option<SignedHolding> {
        let Challenge { disk, name, start, end, nonce, .. } = *challenge;
        let range = (disk, name, start, end);
        let lie = *self.lie.lock();
        let honest = self.store.answer(challenge).await.ok().flatten();
        let old = match (lie, honest) {
            (Lie::None, Some(honest)) => *self.said.lock().entry(range).or_insert(honest),
            _ => self.said.lock().get(&range).copied().or(honest)?,
        };
        let sign = |signer: &Arc<dyn CustodySigner>, holding| {
            let (at, signature) = signer.sign(challenge, holding);
            Some(SignedHolding { holding, at, signature })
        };
        match lie {
            Lie::None => honest,
            Lie::Silence => None,
            Lie::OldAnswer => Some(old),
            Lie::OldHash => sign(&self.signer, old.holding),
            Lie::WrongKey => sign(&self.stranger, honest?.holding),
            Lie::OtherBytes => {
                let holding = Holding::Held(self.of_another(disk, name, nonce, start, end).await);
                sign(&self.signer, holding)
            }
        }
    }

    /// A proof over the bytes of the next fragment on the disk, or over none.
    async fn of_another(
        &self,
        disk: DiskId,
        name: FragmentName,
        nonce: Nonce,
        start: u32,
        end: u32,
    ) -> CustodyProof {
        let other = self.store.list(disk, None, 2).into_iter().find(|one| one.name != name);
        let range = start as usize..end as usize;
        let bytes = match other {
            Some(other) => self.store.read(disk, other.name, range).await.unwrap_or_default(),
            None => bytes::Bytes::new(),
        };
        CustodyProof::of(nonce, &bytes)
    }
}

#[async_trait]
impl Handler for Hostile {
    async fn handle(&self, caller: Caller, call: Call) -> Result<Reply, Refused> {
        let question = protocol::decode(&call.head);
        let Ok(Question::Challenge { disk, name, start, end, nonce, epoch }) = question else {
            return self.honest.handle(caller, call).await;
        };
        let (name, nonce) = (name.into(), Nonce(nonce));
        let challenge = Challenge { disk, name, start, end, nonce, epoch };
        let refused = |reason: &str| Refused { reason: reason.to_owned() };
        let signed = self.answer(&challenge).await.ok_or_else(|| refused("busy"))?;
        let SignedHolding { holding, at, signature } = signed;
        let answer = Answer::Signed { holding: holding.into(), at, signature };
        let head = protocol::encode(&answer).map_err(|error| refused(&error.to_string()))?;
        Ok(Reply { head, body: Body::empty() })
    }
}
