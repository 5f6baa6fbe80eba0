//! One handle for the disks of all nodes.
//!
//! A map says which node has which disk. What concerns a disk of this node goes to its
//! [`FragmentStore`]; anything else is asked of the disk's node. How others' disks do is
//! known from reports, which [`ClusterStore::watch`] asks for.
//!
//! **Invariants**
//! - `Ok` means durable, wherever the disk is.
//! - Bytes from another node are handed out only if they are what was asked for and match
//!   their checksum.
//! - Nobody waits for a node without a limit, and a node that is known not to answer is
//!   not waited for at all.

mod ask;
mod reports;
mod waits;
mod watch;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use parking_lot::RwLock;
use units::{ByteCount, DiskId, NodeId, PartId, planted};
use wire::{Body, CallError, Transport};

use self::ask::{Asker, Unanswered, garbled, read_fault, write_fault};
use self::reports::Reports;
pub use self::waits::{Patience, Waits};
use crate::limits::{CALL_BYTES_MAX, CALL_NAMES_MAX, FRAGMENT_BYTES_MAX, UNKNOWN_WAY};
use crate::protocol::{self, Answer, Arriving, Question};
use crate::{
    Challenge, CustodyProof, DiskReport, DiskSpace, DiskState, Fragment, FragmentName,
    FragmentStore, Listed, Nonce, Poison, ReadError, SignedHolding, WriteError,
};

/// Fragments on the disks of all nodes of the cluster; clones share everything.
#[derive(Clone)]
pub struct ClusterStore {
    local: FragmentStore,
    shared: Arc<Shared>,
    /// What bytes travel for.
    purpose: Purpose,
}

/// What bytes travel for between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Somebody waits for them.
    Clients,
    /// Nobody does: they leave the way to others.
    Upkeep,
}

struct Shared {
    /// None if this node is alone.
    asker: Option<Asker>,
    map: RwLock<Arc<BTreeMap<DiskId, NodeId>>>,
    reports: Reports,
}

/// What stands between this node and a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is a disk of this node, and opened.
    Here,
    /// Its node has answered lately, and has opened it.
    There {
        /// The node.
        node: NodeId,
    },
    /// Its node does not answer, or has not been heard of yet: the disk may be well.
    Unreachable {
        /// The node.
        node: NodeId,
    },
    /// Its node is this one, or answers, and has not opened it.
    Missing,
    /// No node is known to have it.
    Unknown,
}

impl Reach {
    /// Whether the disk can be asked.
    pub const fn is_there(self) -> bool {
        matches!(self, Self::Here | Self::There { .. })
    }
}

/// Where a disk is asked for.
enum Route<'a> {
    Here,
    There(NodeId, &'a Asker),
    Nowhere,
}

impl ClusterStore {
    /// A node without others: its own disks and no more.
    pub fn alone(local: FragmentStore) -> Self {
        Self::made(local, None, Waits::default())
    }

    /// A node among others. No disk but its own is known until [`ClusterStore::map_set`].
    pub fn new(local: FragmentStore, transport: Arc<dyn Transport>, waits: Waits) -> Self {
        Self::made(local, Some(Asker { transport, waits }), waits)
    }

    fn made(local: FragmentStore, asker: Option<Asker>, waits: Waits) -> Self {
        let reports = Reports::new(waits.report_age_max);
        let shared = Arc::new(Shared { asker, map: RwLock::default(), reports });
        Self { local, shared, purpose: Purpose::Clients }
    }

    /// The same disks for repairs and moves: what they read and write at other nodes comes
    /// behind what clients wait for, and is waited for longer.
    #[must_use]
    pub fn upkeep(&self) -> Self {
        Self { purpose: Purpose::Upkeep, ..self.clone() }
    }

    /// The disks of this node, for the duties that each node has for its own.
    pub const fn local(&self) -> &FragmentStore {
        &self.local
    }

    /// From now on these nodes have these disks.
    pub fn map_set(&self, map: BTreeMap<DiskId, NodeId>) {
        let nodes = map.values().copied().collect();
        *self.shared.map.write() = Arc::new(map);
        self.shared.reports.retain(&nodes);
        self.shared.reports.wanted.notify_one();
    }

    /// Which node has which disk.
    pub fn map(&self) -> Arc<BTreeMap<DiskId, NodeId>> {
        Arc::clone(&self.shared.map.read())
    }

    /// The node that a disk is on; none if that is not known, or this node is alone.
    pub fn node_of(&self, disk: DiskId) -> Option<NodeId> {
        let asker = self.shared.asker.as_ref()?;
        if self.local.has(disk) {
            return Some(asker.transport.me());
        }
        self.shared.map.read().get(&disk).copied()
    }

    fn route(&self, disk: DiskId) -> Route<'_> {
        if self.local.has(disk) {
            return Route::Here;
        }
        match (&self.shared.asker, self.node_of(disk)) {
            (Some(asker), Some(node)) if node != asker.transport.me() => Route::There(node, asker),
            _ => Route::Nowhere,
        }
    }

    /// All disks that are known: those of this node in the order they were given, then
    /// those of the map, whether they can be reached or not.
    pub fn disks(&self) -> Vec<DiskId> {
        let mut disks = self.local.disks();
        disks.extend(self.map().keys().copied().filter(|disk| !self.local.has(*disk)));
        disks
    }

    /// Disks that are counted on and that nobody who can be reached has opened.
    pub fn missing(&self) -> BTreeSet<DiskId> {
        let mut missing = self.local.missing();
        let map = self.map();
        let nodes: BTreeSet<NodeId> = map.values().copied().collect();
        let opened: BTreeMap<NodeId, BTreeSet<DiskId>> = nodes
            .into_iter()
            .filter_map(|node| {
                let asker = self.shared.asker.as_ref()?;
                Some((node, self.opened_there(node, asker)?))
            })
            .collect();
        let is_there = |disk: &DiskId, node: &NodeId| {
            self.local.has(*disk) || opened.get(node).is_some_and(|disks| disks.contains(disk))
        };
        let absent = map.iter().filter(|(disk, node)| !is_there(disk, node));
        missing.extend(absent.map(|(disk, _)| *disk));
        missing
    }

    /// All disks that are counted on: [`ClusterStore::disks`] and those that are missing.
    pub fn expected(&self) -> Vec<DiskId> {
        let mut expected = self.disks();
        let known: BTreeSet<DiskId> = expected.iter().copied().collect();
        expected.extend(self.missing().into_iter().filter(|disk| !known.contains(disk)));
        expected
    }

    /// What stands between this node and a disk.
    pub fn reach(&self, disk: DiskId) -> Reach {
        match self.route(disk) {
            Route::Here => Reach::Here,
            Route::There(node, asker) => match self.opened_there(node, asker) {
                None => Reach::Unreachable { node },
                Some(disks) if disks.contains(&disk) => Reach::There { node },
                Some(_) => Reach::Missing,
            },
            Route::Nowhere if self.local.missing().contains(&disk) => Reach::Missing,
            Route::Nowhere if self.map().contains_key(&disk) => Reach::Missing,
            Route::Nowhere => Reach::Unknown,
        }
    }

    /// How long a small question to a disk and its answer take on the way: nothing for a
    /// disk of this node, [`UNKNOWN_WAY`] if it was not measured yet; `None` if the disk
    /// cannot be asked now.
    pub fn way_to(&self, disk: DiskId) -> Option<Duration> {
        match self.route(disk) {
            Route::Here => Some(Duration::ZERO),
            Route::There(node, asker) => {
                let contact = asker.transport.contact(node);
                let is_silent = contact.reached == Some(false)
                    || self.shared.reports.has_answered(node) == Some(false);
                (!is_silent).then(|| contact.round_trip.unwrap_or(UNKNOWN_WAY))
            }
            Route::Nowhere => None,
        }
    }

    /// State of a disk; `None` if nobody who can be reached has opened it:
    /// [`ClusterStore::reach`] says why.
    pub fn state(&self, disk: DiskId) -> Option<DiskState> {
        match self.route(disk) {
            Route::Here => self.local.state(disk),
            _ => Some(self.reported(disk)?.state),
        }
    }

    /// Room and contents of a disk; `None` as for [`ClusterStore::state`], and if the disk
    /// does not answer.
    pub fn space(&self, disk: DiskId) -> Option<DiskSpace> {
        match self.route(disk) {
            Route::Here => self.local.space(disk),
            _ => self.reported(disk)?.space,
        }
    }

    /// Why a disk takes no more writes; none if it does, or that is not known.
    pub fn poison(&self, disk: DiskId) -> Option<Poison> {
        match self.route(disk) {
            Route::Here => self.local.poison(disk),
            _ => self.reported(disk)?.poison,
        }
    }

    /// The disks that a node has opened, by its last word; none if that is too old, or if
    /// the node did not answer when anything at all was last asked of it.
    fn opened_there(&self, node: NodeId, asker: &Asker) -> Option<BTreeSet<DiskId>> {
        if asker.transport.contact(node).reached == Some(false) {
            return None;
        }
        self.shared.reports.disks(node)
    }

    fn reported(&self, disk: DiskId) -> Option<DiskReport> {
        match self.route(disk) {
            Route::There(node, asker) => {
                self.opened_there(node, asker)?;
                self.shared.reports.disk(node, disk)
            }
            Route::Here | Route::Nowhere => None,
        }
    }

    /// Stores one fragment; `Ok` once it is durable. A fragment of the same name is
    /// replaced.
    pub async fn append(&self, disk: DiskId, fragment: Fragment) -> Result<(), WriteError> {
        self.append_many(disk, vec![fragment]).await
    }

    /// Stores fragments with as few syncs as possible; `Ok` once all are durable.
    // Cancel-safety: a call that is dropped may or may not have stored them.
    pub async fn append_many(
        &self,
        disk: DiskId,
        fragments: Vec<Fragment>,
    ) -> Result<(), WriteError> {
        match self.route(disk) {
            Route::Nowhere => Err(WriteError::NoSuchDisk { disk }),
            Route::Here => self.local.append_many(disk, fragments).await,
            Route::There(..) if planted::is_on("fragments-answers-before-remote") => {
                let store = self.clone();
                tokio::spawn(async move { store.append_there(disk, fragments).await });
                Ok(())
            }
            Route::There(..) => self.append_there(disk, fragments).await,
        }
    }

    async fn append_there(&self, disk: DiskId, fragments: Vec<Fragment>) -> Result<(), WriteError> {
        let Route::There(node, asker) = self.route(disk) else {
            return Err(WriteError::NoSuchDisk { disk });
        };
        let mut rest = fragments.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut arriving, mut payloads, mut bytes) = (Vec::new(), Vec::new(), 0);
            while let Some(fragment) = rest.next_if(|next| {
                bytes + next.payload.len() <= CALL_BYTES_MAX && arriving.len() < CALL_NAMES_MAX
            }) {
                bytes += fragment.payload.len();
                arriving.push(Arriving::of(&fragment).ok_or_else(|| too_long(&fragment))?);
                payloads.push(fragment.payload);
            }
            if let (true, Some(fragment)) = (arriving.is_empty(), rest.peek()) {
                return Err(too_long(fragment));
            }
            let question = Question::Append { disk, arriving };
            let outcome = self.ask(node, asker.waits.write, &question, (joined(payloads), 0)).await;
            match outcome.map_err(|error| error.of_write(node, disk))? {
                (Answer::Stored, _) => {}
                (other, _) => return Err(write_fault(other, node, disk)),
            }
        }
        Ok(())
    }

    /// Removes all fragments of a part; `Ok` once that is durable. Says how many
    /// there were; removing what is not there succeeds.
    pub async fn remove_part(&self, disk: DiskId, part: PartId) -> Result<u64, WriteError> {
        match self.route(disk) {
            Route::Here => self.local.remove_part(disk, part).await,
            _ => self.removal(disk, Question::RemovePart { disk, part }).await,
        }
    }

    /// Removes single fragments; `Ok` once that is durable.
    pub async fn remove(&self, disk: DiskId, names: Vec<FragmentName>) -> Result<u64, WriteError> {
        if let Route::Here = self.route(disk) {
            return self.local.remove(disk, names).await;
        }
        let mut removed = 0_u64;
        for some in names.chunks(CALL_NAMES_MAX) {
            let names = some.iter().copied().map(Into::into).collect();
            let count = self.removal(disk, Question::Remove { disk, names }).await?;
            removed = removed.saturating_add(count);
        }
        Ok(removed)
    }

    async fn removal(&self, disk: DiskId, question: Question) -> Result<u64, WriteError> {
        let Route::There(node, asker) = self.route(disk) else {
            return Err(WriteError::NoSuchDisk { disk });
        };
        let outcome = self.ask(node, asker.waits.write, &question, (Body::empty(), 0)).await;
        match outcome.map_err(|error| error.of_write(node, disk))? {
            (Answer::Removed { count }, _) => Ok(count),
            (other, _) => Err(write_fault(other, node, disk)),
        }
    }

    /// A range of a fragment's payload, verified.
    pub async fn read(
        &self,
        disk: DiskId,
        name: FragmentName,
        range: Range<usize>,
    ) -> Result<Bytes, ReadError> {
        let (node, asker) = match self.route(disk) {
            Route::Here => return self.local.read(disk, name, range).await,
            Route::There(node, asker) => (node, asker),
            Route::Nowhere => return Err(ReadError::NoSuchDisk { disk }),
        };
        let (start, end) = (offset(range.start), offset(range.end));
        let question = Question::Read { disk, name: name.into(), start, end };
        let wanted = (Body::empty(), range.len().min(FRAGMENT_BYTES_MAX));
        let outcome = self.ask(node, asker.waits.read, &question, wanted).await;
        match outcome.map_err(|error| error.of_read(node, disk))? {
            (Answer::Bytes { bytes, checksum }, payload) => {
                let is_whole = payload.len() == bytes as usize && payload.len() == range.len();
                if !is_whole || !protocol::is_intact(&payload, checksum) {
                    return Err(garbled(node, disk, "a range does not match its checksum"));
                }
                Ok(payload)
            }
            (other, _) => Err(read_fault(other, node, disk, name)),
        }
    }

    /// A whole fragment, verified.
    pub async fn read_whole(
        &self,
        disk: DiskId,
        name: FragmentName,
    ) -> Result<Fragment, ReadError> {
        let (node, asker) = match self.route(disk) {
            Route::Here => return self.local.read_whole(disk, name).await,
            Route::There(node, asker) => (node, asker),
            Route::Nowhere => return Err(ReadError::NoSuchDisk { disk }),
        };
        let question = Question::ReadWhole { disk, name: name.into() };
        let wanted = (Body::empty(), FRAGMENT_BYTES_MAX);
        let outcome = self.ask(node, asker.waits.read, &question, wanted).await;
        match outcome.map_err(|error| error.of_read(node, disk))? {
            (Answer::Whole { fragment }, payload) => {
                let header = fragment.header().filter(|header| header.name == name);
                let is_whole = payload.len() == fragment.bytes as usize;
                match header {
                    Some(header)
                        if is_whole && protocol::is_intact(&payload, fragment.checksum) =>
                    {
                        Ok(Fragment { header, payload })
                    }
                    Some(_) => Err(garbled(node, disk, "a fragment does not match its checksum")),
                    None => Err(garbled(node, disk, "it is another fragment")),
                }
            }
            (other, _) => Err(read_fault(other, node, disk, name)),
        }
    }

    /// Length of a fragment's payload, from the memory of its node; `None` if it is not
    /// there.
    pub async fn length(
        &self,
        disk: DiskId,
        name: FragmentName,
    ) -> Result<Option<ByteCount>, ReadError> {
        Ok(self.lengths(disk, &[name]).await?.first().copied().flatten())
    }

    /// The lengths of several fragments' payloads, in their order.
    pub async fn lengths(
        &self,
        disk: DiskId,
        names: &[FragmentName],
    ) -> Result<Vec<Option<ByteCount>>, ReadError> {
        let (node, asker) = match self.route(disk) {
            Route::Here => {
                return Ok(names.iter().map(|name| self.local.length(disk, *name)).collect());
            }
            Route::There(node, asker) => (node, asker),
            Route::Nowhere => return Err(ReadError::NoSuchDisk { disk }),
        };
        let mut all = Vec::with_capacity(names.len());
        for some in names.chunks(CALL_NAMES_MAX) {
            let first = some.first().copied().unwrap_or(FragmentName::first_of(NO_PART));
            let question =
                Question::Lengths { disk, names: some.iter().copied().map(Into::into).collect() };
            let outcome = self.ask(node, asker.waits.ask, &question, (Body::empty(), 0)).await;
            match outcome.map_err(|error| error.of_read(node, disk))? {
                (Answer::Lengths { lengths }, _) if lengths.len() == some.len() => {
                    let count = |bytes: u32| ByteCount::new(u64::from(bytes));
                    all.extend(lengths.into_iter().map(|bytes| bytes.map(count)));
                }
                (other, _) => return Err(read_fault(other, node, disk, first)),
            }
        }
        Ok(all)
    }

    /// Disks beside this one that have a fragment of that name and answer, as their nodes
    /// say from memory; nodes that do not answer at once are left out.
    pub async fn elsewhere(&self, place: DiskId, name: FragmentName) -> Vec<DiskId> {
        let mut found = self.local.elsewhere(place, name);
        let Some(asker) = &self.shared.asker else { return found };
        let map = self.map();
        let question = Question::Holders { name: name.into(), besides: place };
        let asked = self.others().into_iter().map(async |node| {
            let nothing = (Body::empty(), 0);
            let answer = self.ask(node, asker.waits.elsewhere, &question, nothing).await;
            match answer {
                Ok((Answer::Holders { disks }, _)) => (node, disks),
                _ => (node, Vec::new()),
            }
        });
        for (node, disks) in join_all(asked).await {
            // Only what would be asked of that node is of use.
            let usable = |disk: &DiskId| map.get(disk) == Some(&node) && *disk != place;
            found.extend(disks.into_iter().filter(usable));
        }
        let mut seen = BTreeSet::new();
        found.retain(|disk| seen.insert(*disk));
        found
    }

    /// Names after `after` in order, at most `limit`, and no more than one answer holds:
    /// the end is where a page is empty.
    pub async fn list(
        &self,
        disk: DiskId,
        after: Option<FragmentName>,
        limit: usize,
    ) -> Result<Vec<Listed>, ReadError> {
        let (node, asker) = match self.route(disk) {
            Route::Here => return Ok(self.local.list(disk, after, limit)),
            Route::There(node, asker) => (node, asker),
            Route::Nowhere => return Err(ReadError::NoSuchDisk { disk }),
        };
        let question = Question::List { disk, after: after.map(Into::into), limit: offset(limit) };
        let outcome = self.ask(node, asker.waits.ask, &question, (Body::empty(), 0)).await;
        let name = after.unwrap_or(FragmentName::first_of(NO_PART));
        let page = match outcome.map_err(|error| error.of_read(node, disk))? {
            (Answer::Listed { page }, _) => page,
            (other, _) => return Err(read_fault(other, node, disk, name)),
        };
        let listed = |(name, bytes): (_, u32)| Listed {
            name: FragmentName::from(name),
            bytes: ByteCount::new(u64::from(bytes)),
        };
        let page: Vec<Listed> = page.into_iter().map(listed).collect();
        // Whoever goes on behind the last must get on.
        let names = after.into_iter().chain(page.iter().map(|listed| listed.name));
        if page.len() > limit || !names.is_sorted_by(|one, next| one < next) {
            return Err(garbled(node, disk, "a listing is not in order"));
        }
        Ok(page)
    }

    /// Has whoever has a disk prove that a fragment is on it, whole or a range of it.
    pub async fn prove(
        &self,
        disk: DiskId,
        name: FragmentName,
        nonce: Nonce,
        range: Option<Range<usize>>,
    ) -> Result<CustodyProof, ReadError> {
        let (node, asker) = match self.route(disk) {
            Route::Here => return self.local.prove(disk, name, nonce, range).await,
            Route::There(node, asker) => (node, asker),
            Route::Nowhere => return Err(ReadError::NoSuchDisk { disk }),
        };
        let range = range.map(|range| (offset(range.start), offset(range.end)));
        let question = Question::Prove { disk, name: name.into(), nonce: nonce.0, range };
        let outcome = self.ask(node, asker.waits.prove, &question, (Body::empty(), 0)).await;
        match outcome.map_err(|error| error.of_read(node, disk))? {
            (Answer::Proof { proof }, _) => Ok(CustodyProof(proof)),
            (other, _) => Err(read_fault(other, node, disk, name)),
        }
    }

    /// Has whoever has a disk say, signed, what it has of a range of a fragment. The
    /// signature is not looked at here.
    pub async fn challenge(&self, challenge: &Challenge) -> Result<SignedHolding, ReadError> {
        let Challenge { disk, name, start, end, nonce, epoch } = *challenge;
        let (node, asker) = match self.route(disk) {
            Route::Here => {
                let answer = self.local.answer(challenge).await?;
                return answer.ok_or(ReadError::Stopped);
            }
            Route::There(node, asker) => (node, asker),
            Route::Nowhere => return Err(ReadError::NoSuchDisk { disk }),
        };
        let (name_asked, nonce) = (name.into(), nonce.0);
        let question = Question::Challenge { disk, name: name_asked, start, end, nonce, epoch };
        let outcome = self.ask(node, asker.waits.prove, &question, (Body::empty(), 0)).await;
        match outcome.map_err(|error| error.of_read(node, disk))? {
            (Answer::Signed { holding, at, signature }, _) => {
                Ok(SignedHolding { holding: holding.into(), at, signature })
            }
            (other, _) => Err(read_fault(other, node, disk, name)),
        }
    }

    /// The other nodes that have disks.
    fn others(&self) -> BTreeSet<NodeId> {
        let me = self.shared.asker.as_ref().map(|asker| asker.transport.me());
        self.map().values().copied().filter(|node| Some(*node) != me).collect()
    }

    /// Asks a node, unless it is known not to answer.
    async fn ask(
        &self,
        node: NodeId,
        patience: Patience,
        question: &Question,
        wanted: (Body, usize),
    ) -> Result<(Answer, Bytes), Unanswered> {
        let Some(asker) = &self.shared.asker else {
            return Err(Unanswered::Call(CallError::NoSuchNode { node }));
        };
        let reports = &self.shared.reports;
        if reports.has_answered(node) == Some(false) {
            let reason = match reports.age(node) {
                Some(age) => format!("it last said {} s ago how its disks do", age.as_secs()),
                None => "it has not said yet how its disks do".to_owned(),
            };
            return Err(Unanswered::Call(CallError::Unreachable { node, reason }));
        }
        asker.ask(reports, node, self.purpose, patience, question, wanted).await
    }
}

/// Stands for a name in errors of what is not about one.
const NO_PART: PartId = PartId::from_u128(0);

/// Positions beyond 32 bits are beyond every fragment.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Payloads one behind the other, not copied.
fn joined(mut payloads: Vec<Bytes>) -> Body {
    match payloads.pop() {
        None => Body::empty(),
        Some(only) if payloads.is_empty() => Body::whole(only),
        Some(last) => {
            payloads.push(last);
            Body::pieces(futures::stream::iter(payloads.into_iter().map(Ok)))
        }
    }
}

fn too_long(fragment: &Fragment) -> WriteError {
    WriteError::TooLong {
        name: fragment.header.name,
        bytes: ByteCount::new(fragment.payload.len() as u64),
        limit: ByteCount::new(FRAGMENT_BYTES_MAX as u64),
    }
}
