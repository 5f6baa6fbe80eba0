//! Reading an object or its head.

use access::Authorised;

use crate::{GetObject, ObjectError, ObjectHead, ObjectReader, Objects};

impl Objects {
    /// What there is to know about the object, and the range a get would give.
    pub async fn object_head(
        &self,
        _authorised: &Authorised,
        _ask: GetObject,
    ) -> Result<ObjectHead, ObjectError> {
        Err(ObjectError::NotServed { what: "object_head" })
    }

    /// The object's head and a stream of the bytes asked for.
    pub async fn object_get(
        &self,
        _authorised: &Authorised,
        _ask: GetObject,
    ) -> Result<ObjectReader, ObjectError> {
        Err(ObjectError::NotServed { what: "object_get" })
    }
}
