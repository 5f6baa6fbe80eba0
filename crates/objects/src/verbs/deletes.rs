//! Deleting.

use access::Authorised;
use catalog::command::{Cause, DeleteGuard, DeleteItem, ObjectDelete, ObjectsDelete};
use catalog::{BucketName, Command, DeleteDone, Success};
use units::ReferenceId;

use super::put::unexpected;
use crate::gateway::Inner;
use crate::limits::DELETE_BATCH_MAX;
use crate::{DeleteObject, ObjectError, Objects};

impl Inner {
    fn delete_item(&self, ask: DeleteObject) -> DeleteItem {
        DeleteItem {
            key: ask.key,
            version: ask.version,
            condition: ask.condition,
            guard: DeleteGuard::None,
            marker_random: self.draw_u64(),
            marker_reference: ReferenceId::draw(&*self.parts.random),
        }
    }
}

impl Objects {
    /// Deletes one object or version.
    pub async fn object_delete(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        ask: DeleteObject,
        bypass_governance: bool,
    ) -> Result<DeleteDone, ObjectError> {
        let seen = self.inner.object_seen(authorised, bucket, &ask.key)?;
        let delete = ObjectDelete {
            bucket: seen.bucket_ref(),
            item: self.inner.delete_item(ask),
            bypass_governance,
            cause: Cause::Client,
        };
        match self.inner.propose_as_of(Command::ObjectDelete(delete), seen.as_of).await? {
            Success::Deleted(done) => Ok(done),
            other => Err(unexpected(&other)),
        }
    }

    /// Deletes up to a thousand, each with its own outcome, in the order of the
    /// asks. Each ask comes with its own decision.
    pub async fn objects_delete(
        &self,
        bucket: &BucketName,
        asks: Vec<(Authorised, DeleteObject)>,
        bypass_governance: bool,
    ) -> Result<Vec<Result<DeleteDone, ObjectError>>, ObjectError> {
        let Some((first, _)) = asks.first() else { return Ok(Vec::new()) };
        if asks.len() > DELETE_BATCH_MAX {
            let reason = format!("a batch names at most {DELETE_BATCH_MAX} objects");
            return Err(ObjectError::Invalid { reason });
        }
        let seen = self.inner.bucket_seen(first, bucket)?;
        if let Some((_, ask)) =
            asks.iter().find(|(by, ask)| !by.covers(bucket.as_str(), ask.key.as_str()))
        {
            return Err(ObjectError::NotCovered { touched: format!("{bucket}/{}", ask.key) });
        }
        let items = asks.into_iter().map(|(_, ask)| self.inner.delete_item(ask)).collect();
        let bucket = seen.bucket_ref();
        let cause = Cause::Client;
        let delete = ObjectsDelete { bucket, items, bypass_governance, cause };
        match self.inner.propose(Command::ObjectsDelete(delete)).await? {
            Success::DeletedMany(done) => {
                Ok(done.into_iter().map(|one| one.map_err(ObjectError::from)).collect())
            }
            other => Err(unexpected(&other)),
        }
    }
}
