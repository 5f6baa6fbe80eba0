//! Listings; the catalog pages them, a thousand lines at most.

use access::Authorised;
use catalog::{
    After, AfterUpload, AfterVersion, BucketName, Content, ListAsk, ListPage, ListedObject,
    ListedUpload, ListedVersion, PartReference, Refusal, Upload, VersionAsk,
};
use units::{PartNumber, ReferenceId};

use crate::read::opening::version_of;
use crate::{ObjectError, ObjectName, ObjectPart, ObjectPartListing, Objects, UploadName};

impl Objects {
    /// One page of keys with a current object.
    pub async fn objects_list(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        ask: &ListAsk,
        after: &After,
    ) -> Result<ListPage<ListedObject, After>, ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        Ok(seen.view.list_current(seen.bucket.id, ask, after)?)
    }

    /// One page of versions and delete markers.
    pub async fn versions_list(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        ask: &ListAsk,
        after: &AfterVersion,
    ) -> Result<ListPage<ListedVersion, AfterVersion>, ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        Ok(seen.view.list_versions(seen.bucket.id, ask, after)?)
    }

    /// One page of uploads in progress.
    pub async fn uploads_list(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        ask: &ListAsk,
        after: &AfterUpload,
    ) -> Result<ListPage<ListedUpload, AfterUpload>, ObjectError> {
        let seen = self.inner.bucket_seen(authorised, bucket)?;
        Ok(seen.view.list_uploads(seen.bucket.id, ask, after)?)
    }

    /// An upload and one page of its parts, ascending, those after `after`; ask for
    /// one more than is shown to know whether there are more.
    pub async fn parts_list(
        &self,
        authorised: &Authorised,
        upload: &UploadName,
        after: Option<PartNumber>,
        count_max: usize,
    ) -> Result<(Upload, Vec<PartReference>), ObjectError> {
        let name = &upload.name;
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        let row = seen
            .view
            .upload(seen.bucket.id, &name.key, upload.upload)?
            .ok_or(Refusal::NoSuchUpload)?;
        let reference = ReferenceId::from_bytes(upload.upload.to_bytes());
        let after = after.unwrap_or(PartNumber::ZERO);
        let parts = seen.view.manifest_parts(reference, after, count_max)?;
        Ok((row, parts))
    }

    /// Parts of a finished multipart object, for `GetObjectAttributes`.
    pub async fn object_parts_list(
        &self,
        authorised: &Authorised,
        name: &ObjectName,
        version: VersionAsk,
        after: Option<PartNumber>,
        count_max: usize,
    ) -> Result<ObjectPartListing, ObjectError> {
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        let version = version_of(&seen.view, seen.bucket.id, &name.key, version)?;
        let after = after.unwrap_or(PartNumber::ZERO);
        let wanted = count_max.saturating_add(1);
        let mut parts = match &version.detail.content {
            Content::Manifest { .. } => {
                seen.view.manifest_parts(version.detail.reference, after, wanted)?
            }
            Content::Part(part) if part.number > after => vec![part.clone()],
            _ => Vec::new(),
        };
        let more = parts.len() > count_max;
        parts.truncate(count_max);
        Ok(ObjectPartListing {
            count: version.parts_count().unwrap_or(1),
            next: parts.last().map(|part| part.number).filter(|_| more),
            parts: parts
                .into_iter()
                .map(|part| ObjectPart {
                    part: part.number,
                    size: part.size,
                    checksum: part.checksum,
                })
                .collect(),
        })
    }
}
