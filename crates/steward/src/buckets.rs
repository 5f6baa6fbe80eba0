//! Whose older parts are: a walk, once for each catalog, over all that refers to parts.
//!
//! A part's row names the buckets that refer to it since rows have that field. Of parts
//! that were written before, this walk notes it; when it has come to the end, a row of the
//! catalog says so for ever.
//!
//! Uploads come before versions: one that is completed meanwhile is met among these.

use catalog::command::PartBucketsNote;
use catalog::{
    AfterUpload, AfterVersion, Bucket, BucketName, Command, Content, Found, Job, ListAsk,
    SealedBytes, VersionAsk, View,
};
use units::{PartId, PartNumber, ReferenceId};

use crate::limits::BUCKETS_PAGE;
use crate::{Steward, StewardError};

/// Where the walk is; it begins anew with each process.
#[derive(Debug, Default)]
pub(crate) struct BucketsWalk {
    /// The last bucket that is through.
    through: Option<BucketName>,
    /// The next page of the bucket after it.
    place: Place,
    is_over: bool,
}

#[derive(Clone, Debug)]
enum Place {
    Uploads(AfterUpload),
    Versions(AfterVersion),
}

impl Default for Place {
    fn default() -> Self {
        Self::Uploads(AfterUpload::Start)
    }
}

/// Says in the catalog that the walk has ended.
const ENDED: u8 = 1;

impl Steward {
    /// Looks at one more page of what refers to parts, if that was not done for this
    /// catalog; whether there are more.
    // Cancel-safety: may be cut anywhere; the page is looked at once more.
    pub async fn buckets_step(&self) -> Result<bool, StewardError> {
        let mut walk = self.shared.buckets_walk.lock().await;
        if walk.is_over {
            return Ok(false);
        }
        let view = self.view();
        if view.job(&Job::part_buckets())?.is_some() {
            walk.is_over = true;
            return Ok(false);
        }
        let Some(bucket) = view.buckets(walk.through.as_ref(), 1)?.pop() else {
            let (name, state) = (Job::part_buckets(), Some(SealedBytes::new(vec![ENDED])));
            self.propose(Command::JobSet { name, state }).await?;
            return Ok(false);
        };
        let (parts, next) = match &walk.place {
            Place::Uploads(after) => of_uploads(&view, &bucket, after)?,
            Place::Versions(after) => of_versions(&view, &bucket, after)?,
        };
        let mut parts = unnamed(&view, &bucket, parts)?;
        while !parts.is_empty() {
            let rest = parts.split_off(parts.len().min(BUCKETS_PAGE));
            let note = PartBucketsNote { bucket: bucket.id, parts };
            self.propose(Command::PartBucketsNote(note)).await?;
            parts = rest;
        }
        if next.is_none() {
            walk.through = Some(bucket.name);
        }
        walk.place = next.unwrap_or_default();
        Ok(true)
    }
}

/// Those of these parts whose rows do not name the bucket.
fn unnamed(
    view: &View,
    bucket: &Bucket,
    mut parts: Vec<PartId>,
) -> Result<Vec<PartId>, StewardError> {
    parts.sort_unstable();
    parts.dedup();
    let mut unnamed = Vec::new();
    for part in parts {
        if view.part(part)?.is_some_and(|row| !row.buckets.contains(&bucket.id)) {
            unnamed.push(part);
        }
    }
    Ok(unnamed)
}

type Page = (Vec<PartId>, Option<Place>);

fn of_uploads(view: &View, bucket: &Bucket, after: &AfterUpload) -> Result<Page, StewardError> {
    let ask = ListAsk { limit: BUCKETS_PAGE, ..ListAsk::default() };
    let page = view.list_uploads(bucket.id, &ask, after)?;
    let mut parts = Vec::new();
    for listed in page.entries {
        of_manifest(view, ReferenceId::from_u128(listed.id.to_u128()), &mut parts)?;
    }
    let next = page.next.map_or(Place::Versions(AfterVersion::Start), Place::Uploads);
    Ok((parts, Some(next)))
}

fn of_versions(view: &View, bucket: &Bucket, after: &AfterVersion) -> Result<Page, StewardError> {
    let ask = ListAsk { limit: BUCKETS_PAGE, ..ListAsk::default() };
    let page = view.list_versions(bucket.id, &ask, after)?;
    let mut parts = Vec::new();
    for listed in page.entries {
        let exact = VersionAsk::Exact(listed.head.version);
        let Found::Object(version) = view.object(bucket.id, &listed.key, exact)? else { continue };
        match &version.detail.content {
            Content::Empty | Content::Inline { .. } => {}
            Content::Part(found) => parts.push(found.part),
            Content::Manifest { .. } => of_manifest(view, version.detail.reference, &mut parts)?,
        }
    }
    Ok((parts, page.next.map(Place::Versions)))
}

fn of_manifest(
    view: &View,
    reference: ReferenceId,
    parts: &mut Vec<PartId>,
) -> Result<(), StewardError> {
    let mut after = PartNumber::ZERO;
    loop {
        let page = view.manifest_parts(reference, after, BUCKETS_PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.number;
        parts.extend(page.iter().map(|found| found.part));
    }
}
