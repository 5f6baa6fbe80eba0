//! What can change on a version after it is written: tags, lock, access-control list.

use std::sync::Arc;

use access::Authorised;
use catalog::{Acl, ObjectVersion, Retention, Tag, VersionAsk};

use crate::{ObjectError, ObjectName, Objects};

impl Objects {
    /// The version's record: tags, retention, legal hold and ACL are read from it.
    /// Delete markers and absent objects are errors.
    pub async fn object_record(
        &self,
        _authorised: &Authorised,
        _name: &ObjectName,
        _version: VersionAsk,
    ) -> Result<Arc<ObjectVersion>, ObjectError> {
        Err(ObjectError::NotServed { what: "object_record" })
    }

    /// Replaces the tags; an empty list removes them. Gives the version touched.
    pub async fn object_tags_set(
        &self,
        _authorised: &Authorised,
        _name: &ObjectName,
        _version: VersionAsk,
        _tags: Vec<Tag>,
    ) -> Result<Arc<ObjectVersion>, ObjectError> {
        Err(ObjectError::NotServed { what: "object_tags_set" })
    }

    /// Sets, extends or (with the right to bypass) shortens the retention.
    pub async fn object_retention_set(
        &self,
        _authorised: &Authorised,
        _name: &ObjectName,
        _version: VersionAsk,
        _retention: Option<Retention>,
        _bypass_governance: bool,
    ) -> Result<Arc<ObjectVersion>, ObjectError> {
        Err(ObjectError::NotServed { what: "object_retention_set" })
    }

    /// Sets or lifts the legal hold.
    pub async fn object_legal_hold_set(
        &self,
        _authorised: &Authorised,
        _name: &ObjectName,
        _version: VersionAsk,
        _hold: bool,
    ) -> Result<Arc<ObjectVersion>, ObjectError> {
        Err(ObjectError::NotServed { what: "object_legal_hold_set" })
    }

    /// Replaces the access-control list.
    pub async fn object_acl_set(
        &self,
        _authorised: &Authorised,
        _name: &ObjectName,
        _version: VersionAsk,
        _acl: Acl,
    ) -> Result<Arc<ObjectVersion>, ObjectError> {
        Err(ObjectError::NotServed { what: "object_acl_set" })
    }
}
