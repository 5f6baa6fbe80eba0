//! Deleting.

use access::Authorised;
use catalog::{BucketName, DeleteDone};

use crate::{DeleteObject, ObjectError, Objects};

impl Objects {
    /// Deletes one object or version.
    pub async fn object_delete(
        &self,
        _authorised: &Authorised,
        _bucket: &BucketName,
        _ask: DeleteObject,
        _bypass_governance: bool,
    ) -> Result<DeleteDone, ObjectError> {
        Err(ObjectError::NotServed { what: "object_delete" })
    }

    /// Deletes up to a thousand, each on its own; outcomes in the order of the asks.
    /// `authorised` pairs each ask with its own decision.
    pub async fn objects_delete(
        &self,
        _bucket: &BucketName,
        _asks: Vec<(Authorised, DeleteObject)>,
        _bypass_governance: bool,
    ) -> Result<Vec<Result<DeleteDone, ObjectError>>, ObjectError> {
        Err(ObjectError::NotServed { what: "objects_delete" })
    }
}
