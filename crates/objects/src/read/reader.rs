//! The walk through the bytes of a version.

use core::ops::Range;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Content, Manifest, ObjectKey, ObjectVersion, PartReference};
use futures::{FutureExt, StreamExt};
use seal::{StripeRange, inline_open};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;
use units::limits::CHUNK_BYTES;
use units::{ByteCount, PartNumber};
use vault::HeldKeys;

use super::part::{OpenPart, wrapped};
use super::pins::PinSet;
use crate::gateway::Inner;
use crate::limits::{MANIFEST_PAGE, READ_AHEAD_LEAVES, READ_AHEAD_WINDOWS, READ_WINDOW_BYTES};
use crate::sealing::Sealing;
use crate::seen::Seen;
use crate::{ObjectBody, ObjectError};

/// Where the walk is.
pub(crate) struct Reader {
    inner: Arc<Inner>,
    seen: Seen,
    sealing: Sealing,
    key: ObjectKey,
    version: Arc<ObjectVersion>,
    manifest: Option<Manifest>,
    /// Of a multipart object: what the walk will come to.
    ahead: Option<Ahead>,
    /// Bytes of the object still to be read.
    left: Range<u64>,
    /// The part the walk is in, with where it starts and ends in the object.
    part: Option<(Range<u64>, Arc<OpenPart>)>,
    /// Windows that were asked for ahead of the client, in order.
    flying: VecDeque<Flying>,
    ready: VecDeque<Bytes>,
    /// Memory of the window that is being sent.
    window: Option<OwnedSemaphorePermit>,
}

/// A window on its way, and its memory.
struct Flying {
    window: AbortOnDropHandle<Result<Vec<Bytes>, ObjectError>>,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
}

/// What a walk through several parts needs until its end.
struct Ahead {
    /// The keys that open those of the parts.
    keys: HeldKeys,
    /// They stay also when the object is replaced meanwhile.
    _parts: PinSet,
}

impl Reader {
    pub(crate) fn new(
        inner: Arc<Inner>,
        seen: Seen,
        sealing: Sealing,
        key: ObjectKey,
        version: Arc<ObjectVersion>,
        range: Range<u64>,
    ) -> Self {
        Self {
            inner,
            seen,
            sealing,
            key,
            version,
            manifest: None,
            ahead: None,
            left: range,
            part: None,
            flying: VecDeque::new(),
            ready: VecDeque::new(),
            window: None,
        }
    }

    /// The bytes as a stream. The first window is read here, so that an object
    /// that cannot be read is an error and not a broken body.
    pub(crate) async fn into_body(mut self) -> Result<ObjectBody, ObjectError> {
        let length = ByteCount::new(self.left.end.saturating_sub(self.left.start));
        if length == ByteCount::ZERO {
            return Ok(ObjectBody::new(futures::stream::empty().boxed(), length));
        }
        if let Content::Inline { .. } = self.version.detail.content {
            let bytes = self.inline()?;
            return Ok(ObjectBody::new(futures::stream::once(async { Ok(bytes) }).boxed(), length));
        }
        self.manifest_prepare()?;
        self.fill().await?;
        // Every key that will be needed is open now or held: the client may take its
        // time, and a key rotation need not wait for it.
        drop(self.seen.began.take());
        let steps = futures::stream::try_unfold(Box::new(self), |mut reader| {
            // Nearly always a chunk is ready; only every few chunks something is read.
            async move {
                if reader.ready.is_empty() {
                    reader.fill().await?;
                }
                Ok(reader.ready.pop_front().map(|bytes| (bytes, reader)))
            }
            .boxed()
        });
        Ok(ObjectBody::new(steps.boxed(), length))
    }

    /// Of a multipart object, whose parts are opened one by one as the walk gets to
    /// them: pins all that it will come to, so that they stay also when the object
    /// is replaced meanwhile, and holds the keys that open theirs.
    fn manifest_prepare(&mut self) -> Result<(), ObjectError> {
        let Content::Manifest { .. } = self.version.detail.content else { return Ok(()) };
        let damaged = |what: &str| ObjectError::Damaged { reason: what.to_owned() };
        let reference = self.version.detail.reference;
        let manifest = self.seen.view.manifest(reference)?.ok_or_else(|| damaged("no manifest"))?;
        let locate = |at: u64| manifest.locate(ByteCount::new(at)).map(|(number, ..)| number);
        let (first, last) = (locate(self.left.start), locate(self.left.end.saturating_sub(1)));
        let short = || damaged("the manifest is short");
        let (first, last) = (first.ok_or_else(short)?, last.ok_or_else(short)?);
        let mut after = PartNumber::new(first.get().saturating_sub(1));
        let mut parts = Vec::new();
        while after < last {
            let wanted = usize::from(last.get() - after.get()).min(MANIFEST_PAGE);
            let page = self.seen.view.manifest_parts(reference, after, wanted)?;
            let Some(end) = page.last() else { break };
            after = end.number;
            parts.extend(page.iter().map(|part| part.part));
        }
        let parts = self.inner.pins.pin_all(parts);
        let keeper = self.sealing.keeper();
        let keys = self.inner.parts.vault.keys_hold(&self.seen.chain(), &keeper)?;
        self.ahead = Some(Ahead { keys, _parts: parts });
        self.manifest = Some(manifest);
        Ok(())
    }

    /// The wanted bytes of an object that is a row.
    fn inline(&self) -> Result<Bytes, ObjectError> {
        let detail = &self.version.detail;
        let Content::Inline { part, wrapped_key } = &detail.content else {
            return Ok(Bytes::new());
        };
        let damaged = |reason: String| ObjectError::Damaged { reason };
        let sealed = self
            .seen
            .view
            .inline_body(detail.reference)?
            .ok_or_else(|| damaged(format!("no inline body of {:?}", detail.reference)))?;
        let at = self.seen.part_at(self.sealing.keeper(), &self.key, detail.reference, *part);
        let key = self.inner.parts.vault.part_key_open(&at, wrapped(wrapped_key))?;
        let plain: Bytes = inline_open(&key, *part, sealed.as_slice())
            .map_err(|error| damaged(error.to_string()))?
            .into();
        let size = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let range = size(self.left.start)..size(self.left.end);
        if range.start > range.end || range.end > plain.len() {
            return Err(damaged(format!("inline body of {:?} is short", detail.reference)));
        }
        Ok(plain.slice(range))
    }

    /// Reads the next window; leaves nothing ready at the end.
    async fn fill(&mut self) -> Result<(), ObjectError> {
        self.window = None;
        while self.ready.is_empty() && (self.left.start < self.left.end || !self.flying.is_empty())
        {
            if let Some(flying) = self.flying.pop_front() {
                let ended = flying.window.await;
                let pieces = ended.map_err(|error| ObjectError::Damaged {
                    reason: format!("the reading of a window ended: {error}"),
                })??;
                self.take(pieces, flying.bytes, flying.permit);
                self.read_ahead()?;
                continue;
            }
            self.part_reach()?;
            let (window, permit) = self.inner.read_window();
            let Some((part, range)) = self.next_window(window)? else { return Ok(()) };
            if part.is_remote(&self.inner) {
                self.fly(part, range, permit);
                self.read_ahead()?;
                continue;
            }
            let pieces = part.window(&self.inner, &range).await?;
            self.take(pieces, range.wanted.len(), permit);
        }
        Ok(())
    }

    /// The next window of the part the walk is in, which the walk steps over.
    fn next_window(
        &mut self,
        window: u64,
    ) -> Result<Option<(Arc<OpenPart>, StripeRange)>, ObjectError> {
        let Some((bounds, part)) = &self.part else { return Ok(None) };
        let from = self.left.start - bounds.start;
        let to = self.left.end.min(bounds.end) - bounds.start;
        // Windows begin and end at chunks, so that no chunk is opened twice.
        let chunk = CHUNK_BYTES as u64;
        let to = to.min((from / chunk * chunk).saturating_add(window));
        let layout = *part.layout();
        let range = layout.ranges(from..to).next().ok_or_else(|| ObjectError::Damaged {
            reason: "a part is shorter than its reference says".to_owned(),
        })?;
        let part = Arc::clone(part);
        self.left.start += range.wanted.len() as u64;
        Ok(Some((part, range)))
    }

    /// Has windows read that the client will want soon: within a part, for the row and the
    /// key of the next one are not looked at before it is needed.
    fn read_ahead(&mut self) -> Result<(), ObjectError> {
        while self.flying.len() < READ_AHEAD_WINDOWS
            && self.inner.read_pool.available_permits() > READ_AHEAD_LEAVES
            && self.left.start < self.left.end
            && self.part.as_ref().is_some_and(|(bounds, _)| bounds.contains(&self.left.start))
        {
            let (window, permit) = self.inner.read_window();
            let Some((part, range)) = self.next_window(window)? else { return Ok(()) };
            self.fly(part, range, permit);
        }
        Ok(())
    }

    fn fly(
        &mut self,
        part: Arc<OpenPart>,
        range: StripeRange,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let inner = Arc::clone(&self.inner);
        let bytes = range.wanted.len();
        let read = tokio::spawn(async move { part.window(&inner, &range).await });
        self.flying.push_back(Flying { window: AbortOnDropHandle::new(read), bytes, permit });
    }

    /// A window has come; it gives what it was asked for.
    fn take(&mut self, pieces: Vec<Bytes>, bytes: usize, permit: Option<OwnedSemaphorePermit>) {
        let given: usize = pieces.iter().map(Bytes::len).sum();
        assert_eq!(given, bytes, "a window gives what it was asked for");
        self.ready.extend(pieces);
        self.window = permit;
    }

    /// Opens the part that holds the next byte, if it is not open.
    fn part_reach(&mut self) -> Result<(), ObjectError> {
        if self.part.as_ref().is_some_and(|(bounds, _)| bounds.contains(&self.left.start)) {
            return Ok(());
        }
        self.part = None;
        let (start, reference) = self.part_find()?;
        let end = start.saturating_add(reference.size.get());
        let row = Inner::part_row(&self.seen.view, &reference)?;
        let keeper = self.sealing.keeper();
        let version = self.version.detail.reference;
        let at = self.seen.part_at(keeper, &self.key, version, reference.part);
        let wrapped_key = wrapped(&reference.wrapped_key);
        let vault = &self.inner.parts.vault;
        let key = match &self.ahead {
            Some(ahead) => vault.part_key_open_held(&ahead.keys, &at, wrapped_key)?,
            None => vault.part_key_open(&at, wrapped_key)?,
        };
        let wanted = self.left.end.min(end).saturating_sub(self.left.start);
        let part = self.inner.part_open(&row, reference.part, &key, wanted)?;
        self.part = Some((start..end, Arc::new(part)));
        Ok(())
    }

    /// The part that holds the next byte, and where it starts in the object.
    fn part_find(&mut self) -> Result<(u64, PartReference), ObjectError> {
        let damaged = |what: &str| ObjectError::Damaged { reason: what.to_owned() };
        if let Content::Part(reference) = &self.version.detail.content {
            return Ok((0, reference.clone()));
        }
        let reference = self.version.detail.reference;
        let manifest = self.manifest.as_ref().ok_or_else(|| damaged("no manifest"))?;
        let at = ByteCount::new(self.left.start);
        let (number, start, size) =
            manifest.locate(at).ok_or_else(|| damaged("the manifest is short"))?;
        let part = self
            .seen
            .view
            .manifest_part(reference, number)?
            .filter(|part| part.size == size)
            .ok_or_else(|| damaged("a part of the manifest is missing"))?;
        Ok((start.get(), part))
    }
}

impl Inner {
    /// How much to read at once, and the memory for it: a full window, or a chunk
    /// when the pool is empty.
    fn read_window(&self) -> (u64, Option<OwnedSemaphorePermit>) {
        let whole = u32::try_from(READ_WINDOW_BYTES).unwrap_or(u32::MAX);
        match Arc::clone(&self.read_pool).try_acquire_many_owned(whole) {
            Ok(permit) => (READ_WINDOW_BYTES as u64, Some(permit)),
            Err(_) => (CHUNK_BYTES as u64, None),
        }
    }
}
