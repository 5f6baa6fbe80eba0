//! What can change on a version after it is written: tags, lock, access-control list.

use std::sync::Arc;

use access::Authorised;
use catalog::command::{ObjectAclSet, ObjectLegalHoldSet, ObjectRetentionSet, ObjectTagsSet};
use catalog::{Acl, Command, ObjectVersion, Retention, Success, Tag, VersionAsk, VersionName};

use super::put::unexpected;
use crate::read::opening::version_of;
use crate::{ObjectError, ObjectName, Objects};

impl Objects {
    /// The version's record: tags, retention, legal hold and ACL are read from it.
    /// Delete markers and absent objects are errors.
    pub async fn object_record(
        &self,
        authorised: &Authorised,
        name: &ObjectName,
        version: VersionAsk,
    ) -> Result<Arc<ObjectVersion>, ObjectError> {
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        version_of(&seen.view, seen.bucket.id, &name.key, version).map(Arc::new)
    }

    async fn version_change(&self, command: Command) -> Result<Option<VersionName>, ObjectError> {
        match self.inner.propose(command).await? {
            Success::VersionChanged { version } => Ok(version),
            other => Err(unexpected(&other)),
        }
    }

    /// Replaces the tags; an empty list removes them. Gives the version touched.
    pub async fn object_tags_set(
        &self,
        authorised: &Authorised,
        name: &ObjectName,
        version: VersionAsk,
        tags: Vec<Tag>,
    ) -> Result<Option<VersionName>, ObjectError> {
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        let (bucket, key) = (seen.bucket_ref(), name.key.clone());
        let set = ObjectTagsSet { bucket, key, version, tags };
        self.version_change(Command::ObjectTagsSet(set)).await
    }

    /// Sets, extends or (with the right to bypass) shortens the retention.
    pub async fn object_retention_set(
        &self,
        authorised: &Authorised,
        name: &ObjectName,
        version: VersionAsk,
        retention: Option<Retention>,
        bypass_governance: bool,
    ) -> Result<Option<VersionName>, ObjectError> {
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        let (bucket, key) = (seen.bucket_ref(), name.key.clone());
        let set = ObjectRetentionSet { bucket, key, version, retention, bypass_governance };
        self.version_change(Command::ObjectRetentionSet(set)).await
    }

    /// Sets or lifts the legal hold.
    pub async fn object_legal_hold_set(
        &self,
        authorised: &Authorised,
        name: &ObjectName,
        version: VersionAsk,
        legal_hold: bool,
    ) -> Result<Option<VersionName>, ObjectError> {
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        let (bucket, key) = (seen.bucket_ref(), name.key.clone());
        let set = ObjectLegalHoldSet { bucket, key, version, legal_hold };
        self.version_change(Command::ObjectLegalHoldSet(set)).await
    }

    /// Replaces the access-control list; `None` leaves the owner alone with full control.
    pub async fn object_acl_set(
        &self,
        authorised: &Authorised,
        name: &ObjectName,
        version: VersionAsk,
        acl: Option<Acl>,
    ) -> Result<Option<VersionName>, ObjectError> {
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        let (bucket, key) = (seen.bucket_ref(), name.key.clone());
        let set = ObjectAclSet { bucket, key, version, acl };
        self.version_change(Command::ObjectAclSet(set)).await
    }
}
