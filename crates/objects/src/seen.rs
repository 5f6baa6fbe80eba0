//! What the catalog says about a bucket at the beginning of a verb, and the way
//! from there to its keys.

use std::sync::Arc;

use access::Authorised;
use catalog::command::BucketRef;
use catalog::{
    Bucket, BucketName, Command, ObjectKey, ReadError, Refusal, Success, Tenant, TenantState, View,
};
use consensus::ProposeError;
use units::{PartId, ReferenceId};
use vault::{BucketChain, Keeper, KeyError, PartAt};

use crate::ObjectError;
use crate::gateway::Inner;

/// A bucket and its tenant, as one view of the catalog has them.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) view: View,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) tenant: Arc<Tenant>,
}

impl Seen {
    /// The bucket, for commands: refused if another took its name meanwhile.
    pub(crate) fn bucket_ref(&self) -> BucketRef {
        BucketRef { name: self.bucket.name.clone(), id: self.bucket.id }
    }

    /// The way to the keys of the bucket.
    pub(crate) fn chain(&self) -> BucketChain<'_> {
        BucketChain {
            tenant: self.tenant.id,
            tenant_key: self.tenant.wrapped_key.as_slice(),
            bucket: self.bucket.id,
            bucket_key: self.bucket.wrapped_key.as_slice(),
        }
    }

    /// One use of a part in this bucket.
    pub(crate) fn part_at<'a>(
        &'a self,
        keeper: Keeper<'a>,
        key: &'a ObjectKey,
        reference: ReferenceId,
        part: PartId,
    ) -> PartAt<'a> {
        PartAt { chain: self.chain(), keeper, object_key: key.as_str(), reference, part }
    }
}

impl Inner {
    /// The newest applied state; with one voter every acknowledged write is in it.
    pub(crate) fn view(&self) -> View {
        self.parts.consensus.view()
    }

    /// The bucket that the authorisation is about.
    pub(crate) fn bucket_seen(
        &self,
        authorised: &Authorised,
        name: &BucketName,
    ) -> Result<Seen, ObjectError> {
        if !authorised.covers_bucket(name.as_str()) {
            return Err(ObjectError::NotCovered { touched: format!("bucket {name}") });
        }
        let facts = self.bucket_facts(name)?.ok_or(Refusal::NoSuchBucket)?;
        let (bucket, tenant) = (Arc::clone(&facts.bucket), Arc::clone(&facts.tenant));
        // Not older than what was kept of the bucket.
        let view = self.view();
        if tenant.state != TenantState::Active && authorised.steward_reason().is_none() {
            return Err(Refusal::TenantSuspended.into());
        }
        // What was decided for one owner must not end with another.
        if authorised.bucket_owner().is_some_and(|owner| owner != bucket.tenant) {
            return Err(Refusal::NoSuchBucket.into());
        }
        Ok(Seen { view, bucket, tenant })
    }

    /// The same, for a verb on one key.
    pub(crate) fn object_seen(
        &self,
        authorised: &Authorised,
        bucket: &BucketName,
        key: &ObjectKey,
    ) -> Result<Seen, ObjectError> {
        if !authorised.covers(bucket.as_str(), key.as_str()) {
            return Err(ObjectError::NotCovered { touched: format!("{bucket}/{key}") });
        }
        self.bucket_seen(authorised, bucket)
    }

    /// Has the catalog carry out a command; `Ok` once that is durable.
    pub(crate) async fn propose(&self, command: Command) -> Result<Success, ObjectError> {
        match self.parts.consensus.propose(command).await {
            Ok(success) => Ok(success),
            Err(ProposeError::Refused(refusal)) => Err(refusal.into()),
            Err(other) => Err(ObjectError::Unavailable { reason: other.to_string() }),
        }
    }
}

impl From<ReadError> for ObjectError {
    fn from(error: ReadError) -> Self {
        Self::Internal { reason: error.to_string() }
    }
}

impl From<KeyError> for ObjectError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::TenantShredded { .. } | KeyError::BucketShredded { .. } => {
                Refusal::TenantSuspended.into()
            }
            other => Self::Internal { reason: other.to_string() },
        }
    }
}
