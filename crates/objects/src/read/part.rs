//! One part, open for reading.

use core::ops::Range;
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use catalog::{PartReference, PartRow, SealedBytes};
use erasure::{Code, CodecId, Cut, Piece};
use fragments::{ClusterStore, DiskState, FragmentName, ReadError};
use futures::future::{Either, join_all, select};
use parking_lot::Mutex;
use seal::limits::{SEALED_CHUNK_BYTES, TAG_BYTES};
use seal::{ChunkPlace, ChunkSealer, SealedLayout, StripeRange};
use tokio::time::{Instant, timeout};
use units::{DiskId, FragmentNumber, PartId, StripeNumber};

use super::damage::{Damage, DamageKind};
use super::gather::{Holders, gather};
use super::hedging::{Answered, Hedging, NOT_THERE, Standing, is_far};
use super::pins::Pin;
use crate::ObjectError;
use crate::gateway::Inner;
use crate::limits::{HEDGE_AFTER_MIN, NARROW_BYTES_MAX};

/// A part, its key opened, its fragments located.
pub(crate) struct OpenPart {
    part: PartId,
    sealer: ChunkSealer,
    layout: SealedLayout,
    /// Little of it is wanted: what cannot be read is made up for without the rest.
    pub(super) is_short: bool,
    /// As the catalog said when it was last asked.
    located: Mutex<Arc<Located>>,
    /// The last stripe that had to be rebuilt, for the windows that follow.
    rebuilt: Mutex<Option<(StripeNumber, Bytes)>>,
    /// Held while one is.
    rebuilding: tokio::sync::Mutex<()>,
    _pin: Pin,
}

/// How a part is cut, and the disk of each of its fragments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) code: Code,
    pub(crate) slots: Vec<DiskId>,
    /// How its fragments are named.
    cut: Cut,
}

/// What stands in the way of a window.
enum Trouble {
    /// Some data fragments cannot be read.
    Unread(Unread),
    /// All could be read, but what is in them does not open.
    Unopened(Vec<u8>),
}

/// Data fragments that cannot be read.
#[derive(Default)]
struct Unread {
    all: Vec<u8>,
    /// Those of them on nodes that did not answer, or from which nothing came that can be
    /// trusted: that says nothing of them.
    unheard: Vec<u8>,
}

/// Where the fragments of a stripe that is rebuilt are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sources {
    /// The disks that the catalog names.
    Named,
    /// Any disk that has one.
    Anywhere,
}

impl Inner {
    /// Locates a part whose key has been opened, and of which so many bytes are wanted.
    pub(crate) fn part_open(
        &self,
        row: &PartRow,
        part: PartId,
        key: &seal::PartKey,
        wanted: u64,
    ) -> Result<OpenPart, ObjectError> {
        let damaged = |what: &str| ObjectError::Damaged { reason: format!("part {part}: {what}") };
        let located = Located::of(row).map_err(damaged)?;
        let layout = SealedLayout::new(row.size, row.stripe_bytes)
            .filter(|layout| layout.stripe_count() == row.stripe_count)
            .ok_or_else(|| damaged("sizes do not add up"))?;
        Ok(OpenPart {
            part,
            sealer: ChunkSealer::new(key, part),
            layout,
            is_short: wanted <= NARROW_BYTES_MAX,
            located: Mutex::new(Arc::new(located)),
            rebuilt: Mutex::default(),
            rebuilding: tokio::sync::Mutex::default(),
            _pin: self.pins.pin(part),
        })
    }

    /// The row of a part that is referred to.
    pub(crate) fn part_row(
        view: &catalog::View,
        reference: &PartReference,
    ) -> Result<PartRow, ObjectError> {
        let missing = || ObjectError::Damaged { reason: format!("no row of {:?}", reference.part) };
        let row = view.part(reference.part)?.ok_or_else(missing)?;
        if row.size != reference.size {
            let part = reference.part;
            let reason = format!("part {part} is not as long as a reference to it says");
            return Err(ObjectError::Damaged { reason });
        }
        Ok(row)
    }
}

/// A wrapped key as the catalog has it.
pub(crate) fn wrapped(bytes: &SealedBytes) -> &[u8] {
    bytes.as_slice()
}

impl OpenPart {
    pub(crate) fn layout(&self) -> &SealedLayout {
        &self.layout
    }

    pub(super) fn located(&self) -> Arc<Located> {
        Arc::clone(&self.located.lock())
    }

    /// Whether some of its fragments lie at other nodes: windows are then worth asking for
    /// ahead of time.
    pub(crate) fn is_remote(&self, inner: &Inner) -> bool {
        self.located().is_remote(inner)
    }

    /// The plaintext of one window, in pieces of up to a chunk.
    pub(crate) async fn window(
        &self,
        inner: &Inner,
        range: &StripeRange,
    ) -> Result<Vec<Bytes>, ObjectError> {
        if let Some(plain) = self.window_rebuilt(range) {
            return plain.map_err(|_| self.lost(range.stripe));
        }
        let mut located = self.located();
        let mut read = if self.is_remote(inner) {
            self.read_hedged(inner, range).await
        } else {
            self.read_window(inner, range, &Answered::default()).await
        };
        let mut has_caught_up = false;
        loop {
            let trouble = match read {
                Ok(plain) => return Ok(plain),
                Err(trouble) => trouble,
            };
            // What was in the way of one cut says nothing of another.
            if let Some(now) = self.relocated(inner, &located) {
                located = now;
                read = self.read_window(inner, range, &Answered::default()).await;
                continue;
            }
            let is_unread = matches!(trouble, Trouble::Unread(_));
            let around = self.read_around(inner, range, trouble).await;
            if around.is_ok() || !is_unread || has_caught_up {
                return around;
            }
            // This node may be behind: the part is cut anew, and its old fragments are gone.
            has_caught_up = true;
            let caught_up = inner.parts.consensus.catch_up().await;
            let now = caught_up.ok().and_then(|()| self.relocated(inner, &located));
            let Some(now) = now else { return around };
            located = now;
            read = self.read_window(inner, range, &Answered::default()).await;
        }
    }

    /// Where the part is now, if that is not how it was located: a slot has moved since,
    /// there is a copy more, or it is cut anew.
    fn relocated(&self, inner: &Inner, before: &Arc<Located>) -> Option<Arc<Located>> {
        let row = inner.view().part(self.part).ok().flatten();
        let now = row.and_then(|row| Located::of(&row).ok());
        let mut located = self.located.lock();
        if let Some(now) = now.filter(|now| *now != **located) {
            *located = Arc::new(now);
        }
        (**located != **before).then(|| Arc::clone(&located))
    }

    /// The window, if its stripe is the one that was rebuilt last.
    fn window_rebuilt(&self, range: &StripeRange) -> Option<Result<Vec<Bytes>, seal::OpenError>> {
        let stripe = match &*self.rebuilt.lock() {
            Some((stripe, bytes)) if *stripe == range.stripe => bytes.clone(),
            _ => return None,
        };
        let sealed = cut(&stripe, range)?;
        Some(self.open(range, BytesMut::from(&sealed[..])))
    }

    /// From the data fragments alone, as nearly always; of copies, from the nearest.
    async fn read_window(
        &self,
        inner: &Inner,
        range: &StripeRange,
        answered: &Answered,
    ) -> Result<Vec<Bytes>, Trouble> {
        let located = self.located();
        let sealed_bytes = size(self.layout.sealed_bytes(range.stripe));
        let pieces = located.pieces(inner, sealed_bytes, range);
        let reads = pieces.iter().map(|piece| {
            let fragment = self.name(&located, range.stripe, piece.fragment);
            let disk = located.slot(piece.fragment);
            read_noted(inner, disk, fragment, piece.range.clone(), answered)
        });
        let mut bytes = BytesMut::new();
        let mut unread = Unread::default();
        for (piece, read) in pieces.iter().zip(join_all(reads).await) {
            match read {
                Ok(read) if pieces.len() == 1 => {
                    bytes =
                        read.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
                }
                Ok(read) => bytes.extend_from_slice(&read),
                Err(error) => {
                    unread.all.push(piece.fragment);
                    let from =
                        matches!(error, ReadError::Unreachable { .. } | ReadError::Garbled { .. });
                    unread.unheard.extend(from.then_some(piece.fragment));
                }
            }
        }
        if !unread.all.is_empty() {
            return Err(Trouble::Unread(unread));
        }
        self.open(range, bytes)
            .map_err(|_| Trouble::Unopened(pieces.iter().map(|piece| piece.fragment).collect()))
    }

    /// As [`OpenPart::read_window`], and not waiting for a disk that is slow: when it has
    /// let others wait, or does so now, or is far away, the stripe is rebuilt without it.
    /// Whichever comes first is taken.
    async fn read_hedged(&self, inner: &Inner, range: &StripeRange) -> Result<Vec<Bytes>, Trouble> {
        let located = self.located();
        let sealed_bytes = size(self.layout.sealed_bytes(range.stripe));
        let pieces = located.pieces(inner, sealed_bytes, range);
        let disk = |fragment: &u8| located.slot(*fragment);
        let asked: Vec<u8> = pieces.iter().map(|piece| piece.fragment).collect();
        let others = located.way_to_others(inner, &asked);
        let (mut besides, mut is_tried) = (Vec::new(), false);
        let mut patience = Duration::ZERO;
        for fragment in &asked {
            let standing = inner.hedging.standing(disk(fragment));
            let way = inner.parts.fragments.way_to(disk(fragment)).unwrap_or_default();
            if standing == Standing::Slow || others.is_some_and(|others| is_far(way, others)) {
                besides.push(*fragment);
            }
            is_tried |= standing == Standing::Tried;
            patience = patience.max(inner.hedging.patience(disk(fragment), way));
        }
        if !besides.is_empty()
            && let Some(plain) = self.read_without(inner, range, &besides).await
        {
            return Ok(plain);
        }
        if is_tried {
            // Just long enough for a disk that is well.
            patience = patience.min(HEDGE_AFTER_MIN.saturating_add(others.unwrap_or_default()));
        }
        let answered = Answered::default();
        let mut direct = pin!(self.read_window(inner, range, &answered));
        if let Ok(read) = timeout(patience, direct.as_mut()).await {
            inner.hedging.earn();
            if is_tried && read.is_ok() {
                for fragment in &asked {
                    inner.hedging.well(disk(fragment));
                }
            }
            return read;
        }
        if !inner.hedging.spend() {
            return direct.await;
        }
        let late: Vec<u8> = asked.into_iter().filter(|fragment| !answered.has(*fragment)).collect();
        let around = pin!(self.read_without(inner, range, &late));
        match select(direct, around).await {
            Either::Left((Ok(plain), _)) => {
                for fragment in &late {
                    inner.hedging.well(disk(fragment));
                }
                Ok(plain)
            }
            Either::Left((Err(trouble), around)) => around.await.ok_or(trouble),
            Either::Right((None, direct)) => direct.await,
            Either::Right((Some(plain), _)) => {
                for fragment in &late {
                    inner.hedging.slow(disk(fragment));
                }
                Ok(plain)
            }
        }
    }

    /// The window from the other fragments, if as much may be rebuilt now as that takes.
    /// Nothing is reported: nothing is known against those that are left out.
    async fn read_without(
        &self,
        inner: &Inner,
        range: &StripeRange,
        without: &[u8],
    ) -> Option<Vec<Bytes>> {
        let narrow = self.read_narrow(inner, range, without).await;
        if narrow.is_some() {
            return narrow;
        }
        let _one = self.rebuilding.lock().await;
        if let Some(plain) = self.window_rebuilt(range) {
            return plain.ok();
        }
        let _degraded = inner.degraded_reads.try_acquire().ok()?;
        let stripe = self.rebuild(inner, range.stripe, without, Sources::Named).await?;
        let sealed = cut(&stripe, range)?;
        let plain = self.open(range, BytesMut::from(&sealed[..])).ok()?;
        *self.rebuilt.lock() = Some((range.stripe, stripe));
        Some(plain)
    }

    /// With the help of the other fragments; reports what was bad.
    async fn read_around(
        &self,
        inner: &Inner,
        range: &StripeRange,
        trouble: Trouble,
    ) -> Result<Vec<Bytes>, ObjectError> {
        if let Trouble::Unread(bad) = &trouble
            && let Some(plain) = self.read_narrow(inner, range, &bad.all).await
        {
            self.report(inner, range.stripe, &bad.all, &bad.unheard, DamageKind::Unread);
            return Ok(plain);
        }
        let _one = self.rebuilding.lock().await;
        if let Some(Ok(plain)) = self.window_rebuilt(range) {
            return Ok(plain);
        }
        let _degraded =
            inner.degraded_reads.acquire().await.map_err(|_| self.lost(range.stripe))?;
        let (kind, suspects) = match &trouble {
            Trouble::Unread(bad) => (DamageKind::Unread, vec![bad.all.clone()]),
            // Which one is wrong shows only when the rest opens without it.
            Trouble::Unopened(all) => {
                (DamageKind::Unopened, all.iter().map(|one| vec![*one]).collect())
            }
        };
        let unheard: &[u8] = match &trouble {
            Trouble::Unread(bad) => &bad.unheard,
            Trouble::Unopened(_) => &[],
        };
        // What the others make up for first: where else a fragment lies is looked for only
        // when they do not.
        let named = suspects.iter().map(|bad| (Sources::Named, bad.clone()));
        let anywhere = suspects.iter().map(|bad| (Sources::Anywhere, bad.clone()));
        let attempts: Vec<(Sources, Vec<u8>)> = named.chain(anywhere).collect();
        for (from, bad) in attempts {
            let rebuilt = self.rebuild(inner, range.stripe, &bad, from).await;
            let Some(stripe) = rebuilt else { continue };
            let Some(sealed) = cut(&stripe, range) else { continue };
            let Ok(plain) = self.open(range, BytesMut::from(&sealed[..])) else { continue };
            // Whoever repairs has no key to check what it rebuilds: a fragment whose
            // checksums hold is given away only for a stripe that is known to be right.
            let blamed = kind == DamageKind::Unread || self.opens_whole(range.stripe, &stripe);
            if blamed {
                self.report(inner, range.stripe, &bad, unheard, kind);
            }
            *self.rebuilt.lock() = Some((range.stripe, stripe));
            return Ok(plain);
        }
        // Nobody can say which one is wrong where all could be read; what could not
        // be read is known, and that nothing makes up for it must be, too.
        if let Trouble::Unread(bad) = &trouble {
            self.report(inner, range.stripe, &bad.all, unheard, DamageKind::Unread);
        }
        tracing::error!(part = %self.part, stripe = %range.stripe, "a stripe cannot be read");
        let reason = format!("stripe {} of part {}", range.stripe, self.part);
        let is_unread = matches!(trouble, Trouble::Unread(_));
        let may_answer = || self.located().slots.iter().any(|disk| is_unreachable(inner, *disk));
        if is_unread && (!unheard.is_empty() || may_answer()) {
            return Err(ObjectError::DisksUnreachable { reason });
        }
        Err(ObjectError::Damaged { reason })
    }

    /// Tells of bad fragments, but of none that nothing is known against.
    fn report(
        &self,
        inner: &Inner,
        stripe: StripeNumber,
        bad: &[u8],
        unheard: &[u8],
        kind: DamageKind,
    ) {
        let located = self.located();
        for fragment in bad.iter().filter(|fragment| !unheard.contains(fragment)) {
            let (disk, fragment) = (located.slot(*fragment), FragmentNumber::new(*fragment));
            let stripe = located.cut.named(stripe);
            // A disk that does not answer says nothing of what it holds.
            if kind == DamageKind::Unread
                && inner.parts.fragments.state(disk) == Some(DiskState::Hanging)
            {
                continue;
            }
            inner.report(Damage { part: self.part, stripe, fragment, disk, kind });
        }
    }

    /// The whole sealed stripe without the fragments named, unless they are taken from
    /// another disk than the catalog says.
    async fn rebuild(
        &self,
        inner: &Inner,
        stripe: StripeNumber,
        without: &[u8],
        from: Sources,
    ) -> Option<Bytes> {
        let located = self.located();
        let code = located.code;
        let fragments = &inner.parts.fragments;
        let sealed_bytes = size(self.layout.sealed_bytes(stripe));
        let elsewhere = async |fragment| match from {
            Sources::Named => Vec::new(),
            Sources::Anywhere => {
                let name = self.name(&located, stripe, fragment);
                fragments.elsewhere(located.slot(fragment), name).await
            }
        };
        if from == Sources::Anywhere
            && let Some(copy) = self.unheard_copy(inner, stripe).await
        {
            return Some(copy);
        }
        let others: Vec<Vec<DiskId>> = join_all((0..code.total()).map(elsewhere)).await;
        if from == Sources::Anywhere && others.iter().all(Vec::is_empty) {
            return None;
        }
        let holders: Vec<Holders> = (0..code.total())
            .zip(others)
            .map(|(fragment, others)| {
                let own = (!without.contains(&fragment)).then(|| located.slot(fragment));
                let disks: Vec<DiskId> = own.into_iter().chain(others).collect();
                let rank = disks.iter().map(|disk| inner.rank(*disk)).min();
                let rank = rank.unwrap_or(NOT_THERE);
                // Whole fragments take longer than what is measured.
                let patience = Hedging::patience_max(rank.way);
                Holders { fragment, disks, rank, patience }
            })
            .collect();
        let read = |holders: Holders| {
            let name = self.name(&located, stripe, holders.fragment);
            let expected = code.stored_bytes(sealed_bytes, holders.fragment);
            first_whole(fragments, name, expected, holders)
        };
        let mut slots = gather(code, holders, read).await;
        erasure::join(code, sealed_bytes, &mut slots).ok()
    }

    /// The stripe from one copy more than the catalog has heard of, as when it was put
    /// back from a backup of before that copy.
    async fn unheard_copy(&self, inner: &Inner, stripe: StripeNumber) -> Option<Bytes> {
        let located = self.located();
        if located.code.data() > 1 {
            return None;
        }
        let fragments = &inner.parts.fragments;
        let name = self.name(&located, stripe, located.code.total());
        let sealed_bytes = size(self.layout.sealed_bytes(stripe));
        for disk in fragments.elsewhere(located.slot(0), name).await {
            let whole = fragments.read_whole(disk, name).await;
            let payload = whole.ok().map(|fragment| fragment.payload);
            if payload.as_ref().is_some_and(|bytes| bytes.len() == sealed_bytes) {
                return payload;
            }
        }
        None
    }

    /// Whether every chunk of a sealed stripe opens.
    fn opens_whole(&self, stripe: StripeNumber, sealed: &Bytes) -> bool {
        let whole = self.layout.range_in(stripe, 0..self.layout.plain_bytes(stripe));
        whole.is_some_and(|whole| self.open(&whole, BytesMut::from(&sealed[..])).is_ok())
    }

    /// Opens the chunks of a window in place and cuts the wanted bytes out.
    pub(super) fn open(
        &self,
        range: &StripeRange,
        mut sealed: BytesMut,
    ) -> Result<Vec<Bytes>, seal::OpenError> {
        let last_stripe = self.layout.is_last(range.stripe);
        let reaches_end = range.sealed.end == self.layout.sealed_bytes(range.stripe);
        let count = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
        for (index, chunk) in sealed.chunks_mut(SEALED_CHUNK_BYTES).enumerate() {
            let place = ChunkPlace {
                stripe: range.stripe,
                chunk: range.first_chunk.saturating_add(u32::try_from(index).unwrap_or(u32::MAX)),
                last: last_stripe && reaches_end && index + 1 == count,
            };
            self.sealer.open_chunk(place, chunk)?;
        }
        let mut rest = sealed.freeze();
        let mut wanted = range.wanted.clone();
        let mut plain = Vec::with_capacity(count);
        while !rest.is_empty() && wanted.start < wanted.end {
            let chunk = rest.split_to(rest.len().min(SEALED_CHUNK_BYTES));
            let length = chunk.len().saturating_sub(TAG_BYTES);
            let piece = chunk.slice(wanted.start.min(length)..wanted.end.min(length));
            wanted = wanted.start.saturating_sub(length)..wanted.end.saturating_sub(length);
            if !piece.is_empty() {
                plain.push(piece);
            }
        }
        Ok(plain)
    }

    pub(super) fn name(
        &self,
        located: &Located,
        stripe: StripeNumber,
        fragment: u8,
    ) -> FragmentName {
        let stripe = located.cut.named(stripe);
        FragmentName { part: self.part, stripe, fragment: FragmentNumber::new(fragment) }
    }

    fn lost(&self, stripe: StripeNumber) -> ObjectError {
        ObjectError::Damaged { reason: format!("stripe {stripe} of part {}", self.part) }
    }
}

impl Inner {
    /// Reads a piece of a fragment, and notes how long its disk took.
    pub(super) async fn read_measured(
        &self,
        disk: DiskId,
        name: FragmentName,
        range: Range<usize>,
    ) -> Result<Bytes, ReadError> {
        let begun = Instant::now();
        let read = self.parts.fragments.read(disk, name, range).await;
        if read.is_ok() {
            self.hedging.measured(disk, begun.elapsed());
        }
        read
    }
}

/// Reads a piece of a fragment, and notes that it has come or failed.
async fn read_noted(
    inner: &Inner,
    disk: DiskId,
    name: FragmentName,
    range: Range<usize>,
    answered: &Answered,
) -> Result<Bytes, ReadError> {
    let read = inner.read_measured(disk, name, range).await;
    answered.note(name.fragment.get());
    read
}

/// A whole fragment from the first disk that has it as long as it should be.
async fn first_whole(
    fragments: &ClusterStore,
    name: FragmentName,
    expected: Option<usize>,
    holders: Holders,
) -> (u8, Option<Bytes>) {
    for disk in &holders.disks {
        let whole = fragments.read_whole(*disk, name).await;
        let payload = whole.ok().map(|fragment| fragment.payload);
        if let Some(payload) = payload.filter(|bytes| Some(bytes.len()) == expected) {
            return (holders.fragment, Some(payload));
        }
    }
    (holders.fragment, None)
}

impl Located {
    /// What a part's row says; or what is wrong with it.
    fn of(row: &PartRow) -> Result<Self, &'static str> {
        let code = Code::new(row.data, row.parity).map_err(|_| "unknown geometry")?;
        let codec = CodecId::from_byte(row.codec).map_err(|_| "unknown codec")?;
        if row.slots.len() != usize::from(code.total()) {
            return Err("slots do not match the geometry");
        }
        Ok(Self { code, slots: row.slots.clone(), cut: Cut::new(codec, code) })
    }

    pub(super) fn slot(&self, fragment: u8) -> DiskId {
        // One slot per fragment was checked when the part was located.
        self.slots.get(usize::from(fragment)).copied().unwrap_or(DiskId::from_u128(0))
    }

    fn is_remote(&self, inner: &Inner) -> bool {
        let fragments = &inner.parts.fragments;
        self.slots.iter().any(|disk| fragments.way_to(*disk) != Some(Duration::ZERO))
    }

    /// How long the way is to the last of as many of the other fragments as it takes, if
    /// that many can be asked.
    fn way_to_others(&self, inner: &Inner, asked: &[u8]) -> Option<Duration> {
        let others = (0..self.code.total()).filter(|one| !asked.contains(one));
        let mut ranks: Vec<_> = others.map(|one| inner.rank(self.slot(one))).collect();
        ranks.sort_unstable();
        let last = ranks.get(usize::from(self.code.data()).checked_sub(1)?)?;
        last.is_asked().then_some(last.way)
    }

    /// Which fragments hold a window; of copies the nearest that is not slow.
    pub(super) fn pieces(
        &self,
        inner: &Inner,
        sealed_bytes: usize,
        range: &StripeRange,
    ) -> Vec<Piece> {
        let sealed = size(range.sealed.start)..size(range.sealed.end);
        let mut pieces = erasure::locate(self.code, sealed_bytes, sealed);
        if self.code.data() == 1 && self.slots.len() > 1 {
            let rank = |fragment: &u8| inner.rank(self.slot(*fragment));
            let nearest = (0..self.code.total()).min_by_key(rank).unwrap_or(0);
            for piece in &mut pieces {
                piece.fragment = nearest;
            }
        }
        pieces
    }
}

/// Whether a disk may come back, or answer again, with what it holds.
fn is_unreachable(inner: &Inner, disk: DiskId) -> bool {
    matches!(inner.parts.fragments.state(disk), None | Some(DiskState::Hanging))
}

/// The sealed bytes of a window, out of its whole stripe.
fn cut(stripe: &Bytes, range: &StripeRange) -> Option<Bytes> {
    let range = size(range.sealed.start)..size(range.sealed.end);
    (range.start <= range.end && range.end <= stripe.len()).then(|| stripe.slice(range))
}

/// Lengths within a stripe fit in memory.
pub(super) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
