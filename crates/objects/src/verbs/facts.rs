//! What `access` must know before it can decide.
//!
//! These look-ups take no authorisation, since they come before it; what they
//! give must reach a client only through a verb that has one. The two
//! exceptions are CORS and website settings, which browsers ask for without
//! credentials.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Bucket, BucketName, Found, ObjectVersion, SettingKind, Tenant, VersionAsk};
use parking_lot::Mutex;
use units::{BucketId, TenantId};

use crate::gateway::Inner;
use crate::limits::BUCKET_FACTS_CACHED_MAX;
use crate::{ObjectError, ObjectName, Objects};

/// A bucket, and the settings that decisions depend on.
#[derive(Debug)]
pub struct BucketFacts {
    /// The bucket's row.
    pub bucket: Arc<Bucket>,
    /// The tenant that owns it.
    pub tenant: Arc<Tenant>,
    /// Settings by kind, as the face stored them; shared while they do not change.
    pub settings: Arc<Vec<(SettingKind, Bytes)>>,
}

impl BucketFacts {
    /// One setting's bytes.
    pub fn setting(&self, kind: SettingKind) -> Option<&Bytes> {
        self.settings.iter().find(|(k, _)| *k == kind).map(|(_, value)| value)
    }

    /// Whether clients may bring keys of their own (SSE-C), where the bucket says.
    pub fn customer_keys(&self) -> Option<bool> {
        self.setting(SettingKind::CustomerKeys).map(|bytes| bytes.first() == Some(&1))
    }
}

type Settings = Arc<Vec<(SettingKind, Bytes)>>;

/// Settings of buckets, by id and their own revision: they stay while other rows
/// of the directory change.
#[derive(Default)]
pub(crate) struct SettingsCache(Mutex<HashMap<BucketId, (u64, Settings)>>);

impl SettingsCache {
    fn get(&self, bucket: &Bucket) -> Option<Settings> {
        let cache = self.0.lock();
        let (revision, settings) = cache.get(&bucket.id)?;
        (*revision == bucket.settings_revision).then(|| Arc::clone(settings))
    }

    fn put(&self, bucket: &Bucket, settings: Settings) {
        let mut cache = self.0.lock();
        if cache.len() >= BUCKET_FACTS_CACHED_MAX {
            cache.clear();
        }
        cache.insert(bucket.id, (bucket.settings_revision, settings));
    }
}

impl Objects {
    /// A bucket with its settings; `None` if there is none.
    pub async fn bucket_facts(
        &self,
        bucket: &BucketName,
    ) -> Result<Option<Arc<BucketFacts>>, ObjectError> {
        self.inner.bucket_facts(bucket)
    }

    /// An object's version record, for decisions that depend on its tags, lock
    /// or access-control list; `None` if there is none or it is a delete marker.
    pub async fn object_facts(
        &self,
        name: &ObjectName,
        version: VersionAsk,
    ) -> Result<Option<Arc<ObjectVersion>>, ObjectError> {
        let view = self.inner.view();
        let Some(bucket) = view.bucket(&name.bucket)? else { return Ok(None) };
        match view.object(bucket.id, &name.key, version)? {
            Found::Object(version) => Ok(Some(Arc::new(*version))),
            Found::Marker(_) | Found::Missing => Ok(None),
        }
    }

    /// A tenant's row, for owner names in answers.
    pub async fn tenant_facts(&self, tenant: TenantId) -> Result<Option<Arc<Tenant>>, ObjectError> {
        Ok(self.inner.view().tenant(tenant)?.map(Arc::new))
    }
}

impl Inner {
    /// A bucket with its settings, as of now.
    pub(crate) fn bucket_facts(
        &self,
        name: &BucketName,
    ) -> Result<Option<Arc<BucketFacts>>, ObjectError> {
        let revision = self.parts.consensus.directory_revision();
        if let Some(facts) = self.facts.get(name, revision) {
            return Ok(Some(facts));
        }
        let view = self.view();
        let Some(bucket) = view.bucket(name)? else { return Ok(None) };
        let Some(tenant) = view.tenant(bucket.tenant)? else { return Ok(None) };
        let settings = if let Some(settings) = self.settings.get(&bucket) {
            settings
        } else {
            let mut settings = Vec::new();
            for kind in SettingKind::ALL {
                if let Some(setting) = view.setting(&bucket, kind)? {
                    settings.push((kind, Bytes::from(setting.bytes.into_vec())));
                }
            }
            let settings = Arc::new(settings);
            self.settings.put(&bucket, Arc::clone(&settings));
            settings
        };
        let (bucket, tenant) = (Arc::new(bucket), Arc::new(tenant));
        let facts = Arc::new(BucketFacts { bucket, tenant, settings });
        self.facts.put(name.clone(), revision, Arc::clone(&facts));
        Ok(Some(facts))
    }
}
