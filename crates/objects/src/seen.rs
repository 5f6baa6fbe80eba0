//! What the catalog says about a bucket at the beginning of a verb, and the way
//! from there to its keys.

use std::sync::Arc;

use access::Authorised;
use catalog::command::BucketRef;
use catalog::{
    Bucket, BucketName, Command, ObjectKey, ReadError, Refusal, Success, Tenant, TenantState, View,
};
use consensus::ProposeError;
use units::{LogIndex, PartId, ReferenceId};
use vault::{BucketChain, Keeper, KeyError, PartAt};

use crate::ObjectError;
use crate::began::Began;
use crate::gateway::Inner;
use crate::limits::SEEN_ATTEMPTS_MAX;
use crate::verbs::BucketFacts;

/// A bucket and its tenant, as one view of the catalog has them.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) view: View,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) tenant: Arc<Tenant>,
    /// What the authorisation was decided as of, if not on the newest rules.
    pub(crate) as_of: Option<LogIndex>,
    /// As long as this is held, no key that the view shows is retired. Whoever
    /// needs no more of them, or holds them, lets it go: a rotation waits for it.
    pub(crate) began: Option<Began>,
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
        let began = self.verbs.begin();
        let (facts, view) = self.facts_and_view(name)?;
        let (bucket, tenant) = (Arc::clone(&facts.bucket), Arc::clone(&facts.tenant));
        if tenant.state != TenantState::Active && authorised.steward_reason().is_none() {
            return Err(Refusal::TenantSuspended.into());
        }
        // What was decided for one owner must not end with another.
        if authorised.bucket_owner().is_some_and(|owner| owner != bucket.tenant) {
            return Err(Refusal::NoSuchBucket.into());
        }
        Ok(Seen { view, bucket, tenant, as_of: authorised.as_of(), began: Some(began) })
    }

    /// What is kept of a bucket, and a view that is not older. A key that is
    /// rotated in between shows in the view only: then both are taken again, so
    /// that the bucket's key opens whatever the view shows.
    fn facts_and_view(&self, name: &BucketName) -> Result<(Arc<BucketFacts>, View), ObjectError> {
        let mut left = SEEN_ATTEMPTS_MAX;
        loop {
            let revision = self.parts.consensus.directory_revision();
            let facts = self.bucket_facts(name)?.ok_or(Refusal::NoSuchBucket)?;
            let view = self.view();
            left = left.saturating_sub(1);
            if left == 0 || self.parts.consensus.directory_revision() == revision {
                return Ok((facts, view));
            }
        }
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
        Ok(self.parts.consensus.propose(command).await?)
    }

    /// The same for what was decided as of an entry, if it was: refused with
    /// [`ObjectError::RulesChanged`] if rules have changed since.
    pub(crate) async fn propose_as_of(
        &self,
        command: Command,
        as_of: Option<LogIndex>,
    ) -> Result<Success, ObjectError> {
        Ok(self.parts.consensus.propose_as_of(command, as_of).await?)
    }

    /// Whether the catalog would take a command now: a verb that reads a body or writes
    /// fragments before it has one asks this first.
    pub(crate) fn takes_commands(&self) -> Result<(), ObjectError> {
        Ok(self.parts.consensus.takes_commands()?)
    }
}

impl From<ProposeError> for ObjectError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Refused(refusal) => refusal.into(),
            ProposeError::Clock(ahead) => ahead.into(),
            ProposeError::Full(full) => full.into(),
            ProposeError::DirectoryChanged => Self::RulesChanged,
            other => Self::Unavailable { reason: other.to_string() },
        }
    }
}

impl From<ReadError> for ObjectError {
    fn from(error: ReadError) -> Self {
        let reason = error.to_string();
        match error {
            // The engine is being opened again, or its disk fails: later, or elsewhere.
            ReadError::Rows(_) => Self::Unavailable { reason },
            ReadError::Damaged(_) => Self::Internal { reason },
        }
    }
}

impl From<KeyError> for ObjectError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::TenantShredded { .. } | KeyError::BucketShredded { .. } => {
                Refusal::TenantErased.into()
            }
            // A witness: another site does it.
            KeyError::NoRoot => Self::Unavailable { reason: error.to_string() },
            other => Self::Internal { reason: other.to_string() },
        }
    }
}
