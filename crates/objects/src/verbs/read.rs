//! Reading an object or its head.

use std::sync::Arc;

use access::Authorised;

use crate::read::reader::Reader;
use crate::{GetObject, ObjectError, ObjectHead, ObjectReader, Objects};

impl Objects {
    /// What there is to know about the object, and the range a get would give.
    pub async fn object_head(
        &self,
        authorised: &Authorised,
        ask: GetObject,
    ) -> Result<ObjectHead, ObjectError> {
        Ok(self.inner.object_open(authorised, &ask)?.head)
    }

    /// The object's head and a stream of the bytes asked for.
    pub async fn object_get(
        &self,
        authorised: &Authorised,
        ask: GetObject,
    ) -> Result<ObjectReader, ObjectError> {
        let opening = self.inner.object_open(authorised, &ask)?;
        let reader = Reader::new(
            Arc::clone(&self.inner),
            opening.seen,
            opening.sealing,
            ask.name.key,
            Arc::clone(&opening.head.version),
            opening.head.range.clone(),
        );
        Ok(ObjectReader { body: reader.into_body().await?, head: opening.head })
    }
}
