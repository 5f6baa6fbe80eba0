//! Writing an object in one go.

use access::Authorised;

use crate::{BodyStream, ObjectError, Objects, PutObject, PutOutcome};

impl Objects {
    /// Stores the body as the newest version. Returns once it is durable; on any
    /// error nothing appears.
    pub async fn object_put(
        &self,
        _authorised: &Authorised,
        _ask: PutObject,
        _body: BodyStream,
    ) -> Result<PutOutcome, ObjectError> {
        Err(ObjectError::NotServed { what: "object_put" })
    }
}
