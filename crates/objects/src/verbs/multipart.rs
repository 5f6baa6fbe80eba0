//! Multipart uploads.

use access::Authorised;

use crate::{
    BodyStream, CompleteOutcome, CompleteUpload, CreateUpload, ObjectError, Objects, PartOutcome,
    PutPart, UploadCreated, UploadName,
};

impl Objects {
    /// Begins an upload.
    pub async fn upload_create(
        &self,
        _authorised: &Authorised,
        _ask: CreateUpload,
    ) -> Result<UploadCreated, ObjectError> {
        Err(ObjectError::NotServed { what: "upload_create" })
    }

    /// Stores one part; it replaces an earlier one of the same number.
    pub async fn upload_part_put(
        &self,
        _authorised: &Authorised,
        _ask: PutPart,
        _body: BodyStream,
    ) -> Result<PartOutcome, ObjectError> {
        Err(ObjectError::NotServed { what: "upload_part_put" })
    }

    /// Makes the object out of its parts. Repeating a completion that has been
    /// carried out gives the same answer.
    pub async fn upload_complete(
        &self,
        _authorised: &Authorised,
        _ask: CompleteUpload,
    ) -> Result<CompleteOutcome, ObjectError> {
        Err(ObjectError::NotServed { what: "upload_complete" })
    }

    /// Gives an upload up and releases its parts.
    pub async fn upload_abort(
        &self,
        _authorised: &Authorised,
        _upload: &UploadName,
    ) -> Result<(), ObjectError> {
        Err(ObjectError::NotServed { what: "upload_abort" })
    }
}
