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

use catalog::{
    AfterVersion, BucketName, Command, Content, Found, JobName, ListAsk, PartRow, SealedBytes,
    VersionAsk, View,
};
use serde::{Deserialize, Serialize};
use units::{BucketId, PartId, PartNumber, Timestamp};

use crate::census::{FragmentState, name_of};
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

/// Where the search for names and the checks are.
#[derive(Default)]
pub(crate) struct UnreadablePlace {
    bucket: Option<BucketName>,
    after: AfterVersion,
    /// Parts that the search under way began with, to be named by its end.
    searching: bool,
    /// Whether all names there are were found for the parts that are listed.
    searched: Vec<PartId>,
    checked: Option<PartId>,
}

impl Steward {
    /// What cannot be read, as the catalog has it.
    pub fn unreadable(&self) -> Result<Unreadable, StewardError> {
        let Some(name) = Unreadable::job() else { return Ok(Unreadable::default()) };
        let job = self.view().job(&name)?;
        Ok(job.and_then(|job| Unreadable::decode(job.state.as_slice())).unwrap_or_default())
    }

    /// Notes what a repair has found: so many fragments of a part that cannot be
    /// rebuilt. That they can be is found by [`Steward::unreadable_step`].
    pub(crate) async fn unreadable_note(
        &self,
        part: PartId,
        fragments: u64,
    ) -> Result<(), StewardError> {
        let _one = self.shared.unreadable.lock().await;
        let mut known = self.unreadable()?;
        let before = known.clone();
        let is_full = known.parts.len() >= UNREADABLE_PARTS_MAX;
        match known.parts.iter_mut().find(|entry| entry.part == part) {
            Some(entry) => entry.fragments = fragments,
            None if is_full => known.more = true,
            None => {
                tracing::error!(%part, fragments, "fragments of a part cannot be rebuilt");
                let since = self.now();
                known.parts.push(UnreadablePart { part, since, fragments, object: None });
            }
        }
        self.unreadable_set(&before, known).await
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

    /// Looks whether some of the listed parts can be read again, and for the names of
    /// others; whether there is more to do at once.
    pub async fn unreadable_step(&self) -> Result<bool, StewardError> {
        let mut place = self.shared.unreadable.lock().await;
        let before = self.unreadable()?;
        self.count(|status| status.parts_unreadable = before.parts.len() as u64);
        if before.parts.is_empty() {
            *place = UnreadablePlace::default();
            return Ok(false);
        }
        let mut known = before.clone();
        self.unreadable_check(&mut place, &mut known).await?;
        let more = self.unreadable_names(&mut place, &mut known)?;
        self.unreadable_set(&before, known).await?;
        Ok(more)
    }

    /// A few parts on: are they there still, and still not to be read?
    async fn unreadable_check(
        &self,
        place: &mut UnreadablePlace,
        known: &mut Unreadable,
    ) -> Result<(), StewardError> {
        let mut order: Vec<PartId> = known.parts.iter().map(|entry| entry.part).collect();
        order.sort_unstable();
        // From where the last step ended, and round.
        let turn = place.checked.map_or(0, |last| order.partition_point(|part| *part <= last));
        order.rotate_left(turn);
        let next: Vec<PartId> = order.into_iter().take(UNREADABLE_CHECKS_PER_STEP).collect();
        place.checked = next.last().copied();
        for part in next {
            let row = self.view().part(part)?.filter(|row| row.references > 0);
            let readable = match row {
                Some(row) => self.part_is_readable(part, &row).await,
                None => true,
            };
            if readable {
                known.parts.retain(|entry| entry.part != part);
            }
        }
        Ok(())
    }

    /// Whether each stripe has as many good fragments as it needs.
    async fn part_is_readable(&self, part: PartId, row: &PartRow) -> bool {
        for stripe in 0..row.stripe_count {
            let mut good = 0;
            for slot in (0_u8..).take(row.slots.len()) {
                let name = name_of(part, stripe, slot);
                if self.fragment_state(row, name).await == FragmentState::Good {
                    good += 1;
                }
            }
            if good < usize::from(row.data) {
                return false;
            }
        }
        true
    }

    /// One page of versions, in search of those that use a listed part.
    fn unreadable_names(
        &self,
        place: &mut UnreadablePlace,
        known: &mut Unreadable,
    ) -> Result<bool, StewardError> {
        let unnamed = |known: &Unreadable, place: &UnreadablePlace| {
            let mut parts = known.parts.iter().filter(|entry| entry.object.is_none());
            parts.any(|entry| !place.searched.contains(&entry.part))
        };
        if !place.searching && !unnamed(known, place) {
            return Ok(false);
        }
        place.searching = true;
        let view = self.view();
        let bucket = view.buckets(place.bucket.as_ref(), 1)?.into_iter().next();
        let Some(bucket) = bucket else {
            // The end: what has no name now belongs to an upload, or to nobody any more.
            place.searched = known.parts.iter().map(|entry| entry.part).collect();
            (place.searching, place.bucket, place.after) = (false, None, AfterVersion::Start);
            return Ok(false);
        };
        let ask = ListAsk { limit: UNREADABLE_NAMES_PAGE, ..ListAsk::default() };
        let page = view.list_versions(bucket.id, &ask, &place.after)?;
        for listed in page.entries {
            let exact = VersionAsk::Exact(listed.head.version);
            for part in parts_of(&view, bucket.id, &listed.key, exact)? {
                if let Some(entry) = known.parts.iter_mut().find(|entry| entry.part == part) {
                    let name = (bucket.name.as_str().to_owned(), listed.key.as_str().to_owned());
                    entry.object.get_or_insert(name);
                }
            }
        }
        if let Some(next) = page.next {
            place.after = next;
        } else {
            (place.bucket, place.after) = (Some(bucket.name), AfterVersion::Start);
        }
        Ok(true)
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
