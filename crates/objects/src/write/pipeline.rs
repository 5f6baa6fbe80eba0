//! Stripes of one part, several at once between the socket and the disks.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use erasure::{Code, CodecId};
use fragments::{ClusterStore, Fragment, FragmentHeader, FragmentName, WriteError};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use seal::ChunkSealer;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use units::{ByteCount, DiskId, FragmentNumber, PartId, StripeNumber, planted};

use super::budget::Lane;
use super::digests::Digests;
use super::durable::Durable;
use super::source::Source;
use super::stragglers::{Answerable, LateRoom, Stragglers, answerable};
use super::stripe_buffer::StripeBuffer;
use crate::ObjectError;
use crate::limits::{INLINE_HASH_BYTES_MAX, STRAGGLERS_WITHOUT_ROOM};
use crate::planted::EARLY_ANSWER;
use crate::read::damage::Damage;

/// Everything that stays the same for all stripes of a part.
pub(crate) struct PartSetup {
    pub(crate) part: PartId,
    pub(crate) code: Code,
    pub(crate) slots: Vec<DiskId>,
    pub(crate) sealer: ChunkSealer,
    pub(crate) fragments: ClusterStore,
    pub(crate) durable: Arc<Durable>,
    pub(crate) stragglers: Arc<Stragglers>,
    /// The fragments that are late; dropped with the part if it is not kept.
    pub(crate) late: Mutex<JoinSet<()>>,
}

/// A stripe whose plaintext is complete.
struct FullStripe {
    number: StripeNumber,
    last: bool,
    buffer: StripeBuffer,
    /// Memory behind the filling buffer; `None` if nothing is filled meanwhile.
    room: Option<OwnedSemaphorePermit>,
}

/// Takes the body to its end; `Ok` once enough of every stripe is durable.
///
/// `first` are bytes that were read before. Gives the digests and the number of
/// stripes.
pub(crate) async fn write_stripes(
    setup: Arc<PartSetup>,
    lane: &Lane,
    source: &mut Source,
    first: &[u8],
    digests: Digests,
) -> Result<(Digests, u32), ObjectError> {
    let expected = source.expected().saturating_add(first.len());
    let mut buffer = StripeBuffer::new(lane.stripe_bytes(), expected);
    buffer.append(first);
    if source.fill(&mut buffer).await? {
        if buffer.plain_bytes() == 0 {
            return Ok((digests, 0));
        }
        let only = FullStripe { number: StripeNumber::ZERO, last: true, buffer, room: None };
        let digests = stripe_through(&setup, digests, only).await?;
        return Ok((digests, 1));
    }
    write_many(setup, lane, source, buffer, digests).await
}

/// More than one stripe: the ones behind are taken through by a task of their own.
async fn write_many(
    setup: Arc<PartSetup>,
    lane: &Lane,
    source: &mut Source,
    mut buffer: StripeBuffer,
    digests: Digests,
) -> Result<(Digests, u32), ObjectError> {
    let (to_disks, stripes) = mpsc::channel(lane.depth());
    let (room_back, mut room_free) = mpsc::channel::<()>(lane.depth() + 2);
    // Dropped with this future, and the task with it.
    let mut behind = JoinSet::new();
    behind.spawn(stripes_through(setup, digests, stripes, room_back));
    let mut number = StripeNumber::ZERO;
    let mut under_way = 0_usize;
    let mut ended = false;
    loop {
        while room_free.try_recv().is_ok() {
            under_way = under_way.saturating_sub(1);
        }
        let mut room = None;
        if !ended {
            // Wait for our own stripes until there is room for one more behind us.
            loop {
                room = if under_way < lane.depth() { lane.overlap() } else { None };
                if room.is_some() || under_way == 0 {
                    break;
                }
                if room_free.recv().await.is_none() {
                    break;
                }
                under_way = under_way.saturating_sub(1);
            }
        }
        let alone = room.is_none();
        let stripe = FullStripe { number, last: ended, buffer, room };
        number = number.next();
        if to_disks.send(stripe).await.is_err() {
            break;
        }
        under_way += 1;
        if ended {
            break;
        }
        if alone {
            // No memory to overlap: the next buffer only after this stripe is through.
            while under_way > 0 && room_free.recv().await.is_some() {
                under_way = under_way.saturating_sub(1);
            }
        }
        buffer = StripeBuffer::new(lane.stripe_bytes(), source.expected());
        ended = source.fill(&mut buffer).await?;
    }
    drop(to_disks);
    match behind.join_next().await {
        Some(Ok(through)) => Ok((through?, number.get())),
        _ => Err(ObjectError::Internal { reason: "a stripe writer stopped".to_owned() }),
    }
}

type Stripes = FuturesUnordered<BoxFuture<'static, Result<(), ObjectError>>>;

/// Each says its slot.
type Appends = FuturesUnordered<BoxFuture<'static, (usize, Result<(), WriteError>)>>;

/// Hashes in order, appends as the disks take it.
async fn stripes_through(
    setup: Arc<PartSetup>,
    mut digests: Digests,
    mut stripes: mpsc::Receiver<FullStripe>,
    room_back: mpsc::Sender<()>,
) -> Result<Digests, ObjectError> {
    let mut appends = Stripes::new();
    loop {
        let stripe = tokio::select! {
            biased;
            Some(done) = appends.next() => { done?; continue }
            stripe = stripes.recv() => stripe,
        };
        let Some(stripe) = stripe else { break };
        let mut sealing = Box::pin(hash_and_seal(&setup, digests, stripe));
        let (back, fragments, room) = loop {
            tokio::select! {
                biased;
                sealed = &mut sealing => break sealed?,
                Some(done) = appends.next() => done?,
            }
        };
        drop(sealing);
        digests = back;
        let setup = Arc::clone(&setup);
        let room_back = room_back.clone();
        appends.push(Box::pin(async move {
            append_all(&setup, fragments).await?;
            drop(room);
            // The filling side may be gone already; then nobody counts any more.
            let _ = room_back.try_send(());
            Ok(())
        }));
    }
    appends.try_collect::<()>().await?;
    Ok(digests)
}

/// One stripe, by itself.
async fn stripe_through(
    setup: &Arc<PartSetup>,
    digests: Digests,
    stripe: FullStripe,
) -> Result<Digests, ObjectError> {
    let (digests, fragments, _room) = hash_and_seal(setup, digests, stripe).await?;
    append_all(setup, fragments).await?;
    Ok(digests)
}

type Sealed = (Digests, Vec<Fragment>, Option<OwnedSemaphorePermit>);

async fn hash_and_seal(
    setup: &Arc<PartSetup>,
    digests: Digests,
    stripe: FullStripe,
) -> Result<Sealed, ObjectError> {
    if stripe.buffer.plain_bytes() <= INLINE_HASH_BYTES_MAX {
        return hash_and_seal_now(setup, digests, stripe);
    }
    let setup = Arc::clone(setup);
    let working = host::blocking(move || hash_and_seal_now(&setup, digests, stripe));
    working.await.map_err(|_| ObjectError::Internal { reason: "sealing stopped".to_owned() })?
}

fn hash_and_seal_now(
    setup: &PartSetup,
    mut digests: Digests,
    stripe: FullStripe,
) -> Result<Sealed, ObjectError> {
    for chunk in stripe.buffer.chunks() {
        digests.update(chunk);
    }
    let fault = |what: &str, source: &dyn core::fmt::Display| ObjectError::Internal {
        reason: format!("{what}: {source}"),
    };
    let sealed = stripe
        .buffer
        .seal(&setup.sealer, stripe.number, stripe.last)
        .map_err(|source| fault("sealing", &source))?;
    let pieces =
        erasure::encode(setup.code, &sealed).map_err(|source| fault("encoding", &source))?;
    let fragments = fragments_of(setup, stripe.number, &sealed, pieces);
    Ok((digests, fragments, stripe.room))
}

fn fragments_of(
    setup: &PartSetup,
    stripe: StripeNumber,
    sealed: &Bytes,
    pieces: Vec<Bytes>,
) -> Vec<Fragment> {
    let named = |(number, payload): (u8, Bytes)| Fragment {
        header: FragmentHeader {
            name: FragmentName { part: setup.part, stripe, fragment: FragmentNumber::new(number) },
            codec: CodecId::ContiguousLeopard16,
            code: setup.code,
            stripe_bytes: ByteCount::new(sealed.len() as u64),
        },
        payload,
    };
    (0_u8..).zip(pieces).map(named).collect()
}

/// Appends one fragment per slot, to all disks at once; `Ok` once so many are durable
/// that any one of them may vanish without loss. The others have a moment more, and then
/// go on behind.
async fn append_all(setup: &PartSetup, fragments: Vec<Fragment>) -> Result<(), ObjectError> {
    assert_eq!(fragments.len(), setup.slots.len(), "one fragment per slot");
    let kept_by: Vec<usize> = fragments.iter().map(bytes_kept).collect();
    let mut under_way = BTreeSet::new();
    let mut appends = Appends::new();
    for (slot, (fragment, disk)) in fragments.into_iter().zip(&setup.slots).enumerate() {
        let is_full = || setup.stragglers.is_full(*disk, bytes_kept(&fragment));
        if setup.stragglers.is_late(*disk) && is_full() {
            setup.durable.leave_out(slot);
        }
        // What has failed for this part is not asked again.
        if !setup.durable.has_failed(slot) {
            under_way.insert(slot);
            let (store, disk) = (setup.fragments.clone(), *disk);
            appends.push(async move { (slot, append_one(store, disk, fragment).await) }.boxed());
        }
    }
    let (durable, stragglers) = (&*setup.durable, &*setup.stragglers);
    let written = answerable(durable, &setup.slots, stragglers, under_way, &mut appends).await;
    let Answerable { late, in_time } = written.map_err(refused_by_disk)?;
    if late.is_empty() {
        return Ok(());
    }
    let of_slot = |slot: &usize| Some((*setup.slots.get(*slot)?, *kept_by.get(*slot)?));
    let kept: Vec<(DiskId, usize)> = late.iter().filter_map(of_slot).collect();
    let were_late = kept.iter().all(|(disk, _)| setup.stragglers.is_late(*disk));
    let room = kept.iter().map(|(disk, bytes)| setup.stragglers.room(*disk, *bytes)).collect();
    if let Some(room) = room {
        // Not waited for from now on, whether it comes or not.
        for (disk, _) in &kept {
            setup.stragglers.late_if(*disk, in_time);
        }
        setup.go_on(appends, in_time, room);
        return Ok(());
    }
    for (disk, _) in &kept {
        setup.stragglers.late(*disk);
    }
    let patience = if were_late { Duration::ZERO } else { STRAGGLERS_WITHOUT_ROOM };
    give_up(setup, late, appends, patience).await.map_err(refused_by_disk)
}

/// What a fragment keeps in memory: a data fragment the stripe that it was cut out of.
fn bytes_kept(fragment: &Fragment) -> usize {
    let header = &fragment.header;
    let is_data = header.name.fragment.get() < header.code.data() || header.code.data() == 1;
    let stripe = usize::try_from(header.stripe_bytes.get()).unwrap_or(usize::MAX);
    if is_data { stripe } else { fragment.payload.len() }
}

/// Late fragments for which there is no room: whoever has not answered by now is taken for
/// failed.
async fn give_up(
    setup: &PartSetup,
    mut late: BTreeSet<usize>,
    mut appends: Appends,
    patience: Duration,
) -> Result<(), WriteError> {
    let until = Instant::now() + patience;
    while let Ok(Some((slot, appended))) = timeout_at(until, appends.next()).await {
        late.remove(&slot);
        if let Err(error) = appended {
            setup.durable.fail(slot, error)?;
        }
    }
    for slot in late {
        if !setup.durable.has_failed(slot) {
            setup.durable.fail(slot, WriteError::Hanging)?;
        }
    }
    Ok(())
}

impl PartSetup {
    /// Has late fragments go on until they are durable or fail.
    fn go_on(&self, mut appends: Appends, in_time: Instant, room: Vec<LateRoom>) {
        let (durable, stragglers) = (Arc::clone(&self.durable), Arc::clone(&self.stragglers));
        let slots = self.slots.clone();
        self.late.lock().spawn(async move {
            while let Some((slot, appended)) = appends.next().await {
                if let Some(disk) = slots.get(slot).filter(|_| Instant::now() > in_time) {
                    stragglers.late(*disk);
                }
                if let Err(error) = appended {
                    durable.fail_late(slot, &error);
                }
            }
            drop(room);
        });
    }

    /// What is missing of the part, if none of its fragments is on its way any more.
    pub(crate) fn missing_now(&self) -> Option<Vec<Damage>> {
        let mut late = self.late.lock();
        while late.try_join_next().is_some() {}
        late.is_empty().then(|| self.durable.missing(self.part, &self.slots))
    }

    /// Waits until none is; what is missing then.
    // Cancel-safety: what is on its way is cut off with the call.
    pub(crate) async fn missing(&self) -> Vec<Damage> {
        let mut late = core::mem::take(&mut *self.late.lock());
        while late.join_next().await.is_some() {}
        self.durable.missing(self.part, &self.slots)
    }
}

async fn append_one(
    fragments: ClusterStore,
    disk: DiskId,
    fragment: Fragment,
) -> Result<(), WriteError> {
    if planted::is_on(EARLY_ANSWER) {
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            fragments.append(disk, fragment).await
        });
        return Ok(());
    }
    fragments.append(disk, fragment).await
}

fn refused_by_disk(error: WriteError) -> ObjectError {
    match error {
        WriteError::Full => ObjectError::Full,
        other => ObjectError::Unavailable { reason: other.to_string() },
    }
}
