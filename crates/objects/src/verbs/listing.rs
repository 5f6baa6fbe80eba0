//! Listings; the catalog pages them, a thousand lines at most.

use access::Authorised;
use catalog::{
    After, AfterUpload, AfterVersion, BucketName, ListAsk, ListPage, ListedObject, ListedUpload,
    ListedVersion, PartReference, Upload, VersionAsk,
};
use units::PartNumber;

use crate::{ObjectError, ObjectName, ObjectPartListing, Objects, UploadName};

impl Objects {
    /// One page of keys with a current object.
    pub async fn objects_list(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _ask: &ListAsk,
        _after: &After,
    ) -> Result<ListPage<ListedObject, After>, ObjectError> {
        Err(ObjectError::NotServed { what: "objects_list" })
    }

    /// One page of versions and delete markers.
    pub async fn versions_list(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _ask: &ListAsk,
        _after: &AfterVersion,
    ) -> Result<ListPage<ListedVersion, AfterVersion>, ObjectError> {
        Err(ObjectError::NotServed { what: "versions_list" })
    }

    /// One page of uploads in progress.
    pub async fn uploads_list(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _ask: &ListAsk,
        _after: &AfterUpload,
    ) -> Result<ListPage<ListedUpload, AfterUpload>, ObjectError> {
        Err(ObjectError::NotServed { what: "uploads_list" })
    }

    /// An upload and one page of its parts, ascending, those after `after`; ask for
    /// one more than is shown to know whether there are more.
    pub async fn parts_list(
        &self,
        _authorised: &Authorised,
        _upload: &UploadName,
        _after: Option<PartNumber>,
        _count_max: usize,
    ) -> Result<(Upload, Vec<PartReference>), ObjectError> {
        Err(ObjectError::NotServed { what: "parts_list" })
    }

    /// Parts of a finished multipart object, for `GetObjectAttributes`.
    pub async fn object_parts_list(
        &self,
        _authorised: &Authorised,
        _name: &ObjectName,
        _version: VersionAsk,
        _after: Option<PartNumber>,
        _count_max: usize,
    ) -> Result<ObjectPartListing, ObjectError> {
        Err(ObjectError::NotServed { what: "object_parts_list" })
    }
}
