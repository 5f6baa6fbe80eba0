//! What `access` must know before it can decide.
//!
//! These look-ups take no authorisation, since they come before it; what they
//! give must reach a client only through a verb that has one. The two
//! exceptions are CORS and website settings, which browsers ask for without
//! credentials.

use std::sync::Arc;

use bytes::Bytes;
use catalog::{Bucket, BucketName, ObjectVersion, SettingKind, Tenant, VersionAsk};
use units::TenantId;

use crate::{ObjectError, ObjectName, Objects};

/// A bucket, and the settings that decisions depend on.
#[derive(Debug)]
pub struct BucketFacts {
    /// The bucket's row.
    pub bucket: Bucket,
    /// The tenant that owns it.
    pub tenant: Tenant,
    /// Settings by kind, as the face stored them.
    pub settings: Vec<(SettingKind, Bytes)>,
}

impl BucketFacts {
    /// One setting's bytes.
    pub fn setting(&self, kind: SettingKind) -> Option<&Bytes> {
        self.settings.iter().find(|(k, _)| *k == kind).map(|(_, value)| value)
    }
}

impl Objects {
    /// A bucket with its settings; `None` if there is none. Cached by revision.
    pub async fn bucket_facts(
        &self,
        _bucket: &BucketName,
    ) -> Result<Option<Arc<BucketFacts>>, ObjectError> {
        Err(ObjectError::NotServed { what: "bucket_facts" })
    }

    /// An object's version record, for decisions that depend on its tags, lock
    /// or access-control list; `None` if there is none. Delete markers are given.
    pub async fn object_facts(
        &self,
        _name: &ObjectName,
        _version: VersionAsk,
    ) -> Result<Option<Arc<ObjectVersion>>, ObjectError> {
        Err(ObjectError::NotServed { what: "object_facts" })
    }

    /// A tenant's row, for owner names in answers.
    pub async fn tenant_facts(
        &self,
        _tenant: TenantId,
    ) -> Result<Option<Arc<Tenant>>, ObjectError> {
        Err(ObjectError::NotServed { what: "tenant_facts" })
    }
}
