//! Copying by reference.

use access::Authorised;

use crate::{CopyObject, CopyOutcome, CopyPart, ObjectError, Objects, PartOutcome};

impl Objects {
    /// Copies an object: the parts are shared, their keys wrapped anew.
    /// `source` authorises the read, `destination` the write.
    pub async fn object_copy(
        &self,
        _source: &Authorised,
        _destination: &Authorised,
        _ask: CopyObject,
    ) -> Result<CopyOutcome, ObjectError> {
        Err(ObjectError::NotServed { what: "object_copy" })
    }

    /// Copies a range of an object into a part of an upload.
    pub async fn upload_part_copy(
        &self,
        _source: &Authorised,
        _destination: &Authorised,
        _ask: CopyPart,
    ) -> Result<PartOutcome, ObjectError> {
        Err(ObjectError::NotServed { what: "upload_part_copy" })
    }
}
