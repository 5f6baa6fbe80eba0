//! What cannot be read any more: parts with stripes that no fragments make up for,
//! and the objects they belong to.
//!
//! Repair finds them. They are kept in a row, so that they are known until they are
//! read again, since a disk came back, or deleted; their names are looked for in the
//! bucket rows, a page at a time, since a part does not know who uses it.
//!
//! ```text
//! 1 | postcard Unreadable
//! ```

use std::collections::{BTreeMap, BTreeSet};

use catalog::{
    AfterVersion, BucketName, Command, Content, Found, JobName, ListAsk, PartRow, SealedBytes,
    VersionAsk, View,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use units::{BucketId, PartId, PartNumber, Timestamp};

use crate::census::{expected_bytes, name_of, with_unheard};
use crate::limits::{
    UNREADABLE_BYTES_MAX, UNREADABLE_CHECKS_PER_STEP, UNREADABLE_NAMES_PAGE, UNREADABLE_PARTS_MAX,
};
use crate::{Steward, StewardError};

const VERSION: u8 = 1;

/// A part of which something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadablePart {
    /// Which.
    pub part: PartId,
    /// Since when that is known.
    pub since: Timestamp,
    /// Fragments that cannot be rebuilt.
    pub fragments: u64,
    /// An object it belongs to, bucket and key, once found; a copy may share it.
    pub object: Option<(String, String)>,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// As many as a row holds, the first ones met.
    pub parts: Vec<UnreadablePart>,
    /// Whether others were met that did not fit.
    pub more: bool,
}

impl Unreadable {
    fn job() -> Option<JobName> {
        JobName::new("unreadable-parts").ok()
    }

    fn encode(&self) -> SealedBytes {
        SealedBytes::new(postcard::to_extend(self, vec![VERSION]).unwrap_or_default())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }

    /// Leaves names out, the last first, until it fits a row.
    fn fit(&mut self) {
        while self.encode().len() > UNREADABLE_BYTES_MAX {
            if let Some(named) = self.parts.iter_mut().rev().find(|part| part.object.is_some()) {
                named.object = None;
            } else if self.parts.pop().is_some() {
                self.more = true;
            } else {
                return;
            }
        }
    }
}

/// Where the checks and the search for names are.
#[derive(Default)]
pub(crate) struct UnreadablePlace {
    /// What repairs have found and nobody has written down yet: fragments per part.
    found: Mutex<BTreeMap<PartId, u64>>,
    /// Held while the row is read and written, and for nothing else.
    row: tokio::sync::Mutex<()>,
    /// The part that was checked last.
    checked: Mutex<Option<PartId>>,
    /// The search; held by a step of it.
    names: tokio::sync::Mutex<NamesPlace>,
}

/// Where the search for names is.
#[derive(Default)]
struct NamesPlace {
    /// The parts to be named by the end of the search under way.
    sought: Option<BTreeSet<PartId>>,
    /// Those that a whole search has looked for: they belong to no object.
    nameless: BTreeSet<PartId>,
    /// The last bucket that was searched to its end.
    passed: Option<BucketName>,
    /// The one that is being searched, and how far.
    bucket: Option<BucketId>,
    after: AfterVersion,
}

impl Steward {
    /// What cannot be read, as the catalog has it.
    pub fn unreadable(&self) -> Result<Unreadable, StewardError> {
        let Some(name) = Unreadable::job() else { return Ok(Unreadable::default()) };
        let job = self.view().job(&name)?;
        Ok(job.and_then(|job| Unreadable::decode(job.state.as_slice())).unwrap_or_default())
    }

    /// A repair has found so many fragments of a part that cannot be rebuilt, or none;
    /// [`Steward::unreadable_note`] is to write it down. That they can be is found by
    /// [`Steward::unreadable_step`].
    pub(crate) fn unreadable_found(&self, part: PartId, fragments: u64) {
        let mut found = self.shared.unreadable.found.lock();
        if fragments == 0 {
            found.remove(&part);
        } else if found.len() < UNREADABLE_PARTS_MAX || found.contains_key(&part) {
            found.insert(part, fragments);
        }
    }

    /// Writes down what repairs have found, all with one command; what cannot be written
    /// down now, or while the catalog takes no commands, is for the next call.
    // Cancel-safety: what is not written down stays found.
    pub(crate) async fn unreadable_note(&self) -> Result<(), StewardError> {
        let found = self.shared.unreadable.found.lock().clone();
        if found.is_empty() || !self.takes(&Command::Nothing) {
            return Ok(());
        }
        let _one = self.shared.unreadable.row.lock().await;
        let mut known = self.unreadable()?;
        let before = known.clone();
        for (part, fragments) in &found {
            let (part, fragments) = (*part, *fragments);
            let is_full = known.parts.len() >= UNREADABLE_PARTS_MAX;
            match known.parts.iter_mut().find(|entry| entry.part == part) {
                Some(entry) => entry.fragments = fragments,
                None if is_full => known.more = true,
                None => {
                    let since = self.now();
                    known.parts.push(UnreadablePart { part, since, fragments, object: None });
                }
            }
        }
        self.unreadable_set(&before, known).await?;
        for (part, fragments) in &found {
            if before.parts.iter().all(|entry| entry.part != *part) {
                tracing::error!(%part, fragments, "fragments of a part cannot be rebuilt");
            }
        }
        self.shared.unreadable.found.lock().retain(|part, fragments| {
            // What was found meanwhile is for the next call.
            found.get(part).is_none_or(|noted| noted != fragments)
        });
        Ok(())
    }

    async fn unreadable_set(
        &self,
        before: &Unreadable,
        mut known: Unreadable,
    ) -> Result<(), StewardError> {
        if known.parts.is_empty() {
            // Those that did not fit are met again by the next round of the scrub.
            known.more = false;
        }
        known.fit();
        self.count(|status| status.parts_unreadable = known.parts.len() as u64);
        let Some(name) = Unreadable::job().filter(|_| known != *before) else { return Ok(()) };
        let state = (!known.parts.is_empty()).then(|| known.encode());
        self.propose(Command::JobSet { name, state }).await?;
        Ok(())
    }

    /// Looks whether some of the listed parts can be read again, at the scrub's rate;
    /// says how many it has taken from the list.
    // Cancel-safety: may be cut anywhere; a part that was not looked at comes later.
    pub async fn unreadable_step(&self) -> Result<u64, StewardError> {
        let mut order: Vec<PartId> =
            self.unreadable()?.parts.iter().map(|entry| entry.part).collect();
        self.count(|status| status.parts_unreadable = order.len() as u64);
        order.sort_unstable();
        // From where the last step ended, and round.
        let checked = *self.shared.unreadable.checked.lock();
        let turn = checked.map_or(0, |last| order.partition_point(|part| *part <= last));
        order.rotate_left(turn);
        let mut taken = 0;
        for part in order.into_iter().take(UNREADABLE_CHECKS_PER_STEP) {
            *self.shared.unreadable.checked.lock() = Some(part);
            let row = self.view().part(part)?.filter(|row| row.references > 0);
            let readable = match row {
                Some(row) => self.part_is_readable(part, &row).await,
                None => true,
            };
            if readable {
                self.unreadable_forget(part).await?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// Takes a part from the list: it is readable, or gone.
    pub(crate) async fn unreadable_forget(&self, part: PartId) -> Result<(), StewardError> {
        let _one = self.shared.unreadable.row.lock().await;
        let before = self.unreadable()?;
        let mut known = before.clone();
        known.parts.retain(|entry| entry.part != part);
        self.shared.repairs.lock().resume(part);
        self.unreadable_set(&before, known).await
    }

    /// Whether each stripe has as many good fragments as it needs. Most are known not
    /// to by the disks' indexes; only of the others fragments are read, and no more than
    /// it takes.
    async fn part_is_readable(&self, part: PartId, row: &PartRow) -> bool {
        let (named, slots) = (row, row.slots.len());
        let names = |stripe| (0_u8..).take(slots).map(move |s| name_of(named, part, stripe, s));
        let needed = usize::from(row.data);
        if !self.part_may_be_read(part, row).await {
            return false;
        }
        let row = &with_unheard(row);
        for stripe in 0..row.stripe_count {
            let mut good = 0;
            for name in names(stripe) {
                if good < needed && self.fragment_reads(row, name).await {
                    good += 1;
                }
            }
            if good < needed {
                return false;
            }
            let read = expected_bytes(row, name_of(row, part, stripe, 0)).unwrap_or(0) as u64;
            tokio::time::sleep(self.read_rest(read.saturating_mul(needed as u64))).await;
        }
        true
    }

    /// One page of versions, in search of those that use a listed part; whether there
    /// are more pages to look at.
    // Cancel-safety: may be cut anywhere; the page is looked at once more.
    pub async fn unreadable_names_step(&self) -> Result<bool, StewardError> {
        let mut place = self.shared.unreadable.names.lock().await;
        let known = self.unreadable()?;
        if place.sought.is_none() {
            let listed: BTreeSet<PartId> = known.parts.iter().map(|entry| entry.part).collect();
            place.nameless.retain(|part| listed.contains(part));
            let unnamed = known.parts.iter().filter(|entry| entry.object.is_none());
            let sought: BTreeSet<PartId> = unnamed.map(|entry| entry.part).collect();
            if sought.is_subset(&place.nameless) {
                return Ok(false);
            }
            place.sought = Some(sought);
        }
        let view = self.view();
        let bucket = view.buckets(place.passed.as_ref(), 1)?.into_iter().next();
        let Some(bucket) = bucket else {
            // What has no name now belongs to an upload, or to nobody any more. What was
            // met meanwhile was not looked for everywhere: the next search does.
            let nameless = place.sought.take().unwrap_or_default();
            *place = NamesPlace { nameless, ..NamesPlace::default() };
            return Ok(true);
        };
        if place.bucket != Some(bucket.id) {
            // The one that was being searched may be gone: its place means nothing here.
            (place.bucket, place.after) = (Some(bucket.id), AfterVersion::Start);
        }
        let ask = ListAsk { limit: UNREADABLE_NAMES_PAGE, ..ListAsk::default() };
        let page = view.list_versions(bucket.id, &ask, &place.after)?;
        let mut found: BTreeMap<PartId, (String, String)> = BTreeMap::new();
        for listed in page.entries {
            let exact = VersionAsk::Exact(listed.head.version);
            for part in parts_of(&view, bucket.id, &listed.key, exact)? {
                if known.parts.iter().any(|entry| entry.part == part) {
                    let name = (bucket.name.as_str().to_owned(), listed.key.as_str().to_owned());
                    found.entry(part).or_insert(name);
                }
            }
        }
        drop(view);
        self.unreadable_name(found).await?;
        if let Some(next) = page.next {
            place.after = next;
        } else {
            (place.passed, place.bucket) = (Some(bucket.name), None);
        }
        Ok(true)
    }

    /// Writes down whose the parts are.
    async fn unreadable_name(
        &self,
        mut found: BTreeMap<PartId, (String, String)>,
    ) -> Result<(), StewardError> {
        if found.is_empty() {
            return Ok(());
        }
        let _one = self.shared.unreadable.row.lock().await;
        let before = self.unreadable()?;
        let mut known = before.clone();
        for entry in known.parts.iter_mut().filter(|entry| entry.object.is_none()) {
            entry.object = found.remove(&entry.part);
        }
        self.unreadable_set(&before, known).await
    }
}

/// The parts that a version is made of.
fn parts_of(
    view: &View,
    bucket: BucketId,
    key: &catalog::ObjectKey,
    version: VersionAsk,
) -> Result<Vec<PartId>, StewardError> {
    let Found::Object(version) = view.object(bucket, key, version)? else { return Ok(Vec::new()) };
    let reference = version.detail.reference;
    match &version.detail.content {
        Content::Empty | Content::Inline { .. } => Ok(Vec::new()),
        Content::Part(part) => Ok(vec![part.part]),
        Content::Manifest { .. } => {
            let most = usize::from(u16::MAX);
            let parts = view.manifest_parts(reference, PartNumber::ZERO, most)?;
            Ok(parts.into_iter().map(|part| part.part).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_fits_its_row() {
        let long = "x".repeat(1_024);
        let mut list = Unreadable::default();
        for number in 0..UNREADABLE_PARTS_MAX as u128 {
            list.parts.push(UnreadablePart {
                part: PartId::from_u128(number),
                since: Timestamp::from_seconds(1_800_000_000),
                fragments: u64::MAX,
                object: Some(("bucket".to_owned(), long.clone())),
            });
        }
        list.fit();
        assert_eq!((list.parts.len(), list.more), (UNREADABLE_PARTS_MAX, false), "names go first");
        let named = list.parts.iter().filter(|part| part.object.is_some()).count();
        assert!(named > 10, "{named}");
        let bytes = list.encode();
        assert!(bytes.len() <= catalog::limits::JOB_BYTES_MAX);
        assert_eq!(Unreadable::decode(bytes.as_slice()), Some(list));
        assert_eq!(Unreadable::decode(&[7, 7]), None);
    }
}
