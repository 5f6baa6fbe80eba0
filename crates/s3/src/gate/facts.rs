//! What is known of a bucket and its objects, as `access` wants to see it.
//!
//! The bucket's row is read once per request; what its settings say is parsed
//! once per change of them.

use std::collections::HashMap;
use std::sync::Arc;

use access::{ObjectFacts, PublicAccessBlock};
use catalog::record::Record;
use catalog::{Acl, BucketName, Ownership, SettingKind, Tenant, TenantState, VersionAsk};
use objects::{BucketFacts, ObjectName};
use parking_lot::Mutex;
use s3s::{S3Result, s3_error};
use units::BucketId;

use super::bucket_name;
use crate::Face;
use crate::error::failed;
use crate::limits::BUCKET_RULES_CACHED_MAX;
use crate::settings::{policy, public_access_block};

/// A bucket with its rules.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// Its row and settings.
    pub facts: Arc<BucketFacts>,
    /// Its rules, parsed.
    pub rules: Arc<access::BucketFacts>,
}

impl Bucket {
    /// Its name.
    pub(crate) fn name(&self) -> &BucketName {
        &self.facts.bucket.name
    }

    /// Its owner.
    pub(crate) fn owner(&self) -> &Tenant {
        &self.facts.tenant
    }

    /// Who owns what others write.
    pub(crate) fn ownership(&self) -> Ownership {
        self.facts.bucket.ownership_rule()
    }

    /// Whether its owner stated that the owner owns everything.
    pub(crate) fn states_enforced(&self) -> bool {
        self.ownership() == Ownership::BucketOwnerEnforced
            && self.facts.setting(SettingKind::OwnershipControls).is_some()
    }

    /// Whether a rule of it may look at an object's tags, owner or grants.
    pub(crate) fn looks_at_objects(&self) -> bool {
        self.rules.policy.is_some() || self.ownership() != Ownership::BucketOwnerEnforced
    }

    /// Whether a rule of it may look at what the request says.
    pub(crate) fn looks_at_request(&self) -> bool {
        self.rules.policy.is_some()
    }

    /// Whether anybody but the owner could be allowed anything.
    pub(crate) fn may_admit_strangers(&self) -> bool {
        self.rules.policy.is_some() || self.rules.acl.is_some() || self.looks_at_objects()
    }
}

/// Parsed rules by bucket, for the settings revision they were parsed from.
#[derive(Debug, Default)]
pub(crate) struct RuleCache {
    rules: Mutex<HashMap<BucketId, Cached>>,
}

#[derive(Debug)]
struct Cached {
    revision: u64,
    ownership: Ownership,
    state: TenantState,
    rules: Arc<access::BucketFacts>,
}

impl RuleCache {
    fn get(&self, facts: &BucketFacts) -> Option<Arc<access::BucketFacts>> {
        let rules = self.rules.lock();
        let cached = rules.get(&facts.bucket.id)?;
        let fresh = cached.revision == facts.bucket.settings_revision
            && cached.ownership == facts.bucket.ownership_rule()
            && cached.state == facts.tenant.state;
        fresh.then(|| Arc::clone(&cached.rules))
    }

    fn put(&self, facts: &BucketFacts, parsed: &Arc<access::BucketFacts>) {
        let mut rules = self.rules.lock();
        if rules.len() >= BUCKET_RULES_CACHED_MAX && !rules.contains_key(&facts.bucket.id) {
            rules.clear();
        }
        rules.insert(
            facts.bucket.id,
            Cached {
                revision: facts.bucket.settings_revision,
                ownership: facts.bucket.ownership_rule(),
                state: facts.tenant.state,
                rules: Arc::clone(parsed),
            },
        );
    }
}

/// The bucket of this name; `NoSuchBucket` if there is none.
pub(crate) async fn bucket(face: &Face, name: &str) -> S3Result<Arc<Bucket>> {
    let name = bucket_name(name)?;
    let facts = face.objects.bucket_facts(&name).await.map_err(failed)?;
    let facts = facts.ok_or_else(|| s3_error!(NoSuchBucket))?;
    let rules = if let Some(rules) = face.rules().get(&facts) {
        rules
    } else {
        let rules = Arc::new(parse(&facts)?);
        face.rules().put(&facts, &rules);
        rules
    };
    Ok(Arc::new(Bucket { facts, rules }))
}

/// Settings were checked when they were stored: one that cannot be read now is
/// damaged, and then nothing of the bucket is served rather than too much.
fn parse(facts: &BucketFacts) -> S3Result<access::BucketFacts> {
    let damaged = |kind: SettingKind| {
        tracing::error!(bucket = %facts.bucket.name, ?kind, "a bucket setting is damaged");
        s3_error!(InternalError)
    };
    let acl = facts.setting(SettingKind::Acl).map(|bytes| Acl::decode(bytes)).transpose();
    let acl = acl.map_err(|_| damaged(SettingKind::Acl))?;
    let block = facts.setting(SettingKind::PublicAccessBlock);
    let block = block.map(|bytes| public_access_block::stored(bytes)).transpose()?;
    let (policy, policy_binds_root) = match facts.setting(SettingKind::Policy) {
        None => (None, false),
        Some(bytes) => {
            let parsed = policy::parsed(bytes, facts.bucket.name.as_str());
            let (policy, binds) = parsed.ok_or_else(|| damaged(SettingKind::Policy))?;
            (Some(policy), binds)
        }
    };
    Ok(access::BucketFacts {
        name: facts.bucket.name.as_str().to_owned(),
        owner: facts.tenant.id,
        owner_suspended: facts.tenant.state != TenantState::Active,
        ownership: facts.bucket.ownership_rule(),
        policy: policy.map(Arc::new),
        policy_binds_root,
        acl,
        public_access_block: block.unwrap_or(PublicAccessBlock::default()),
    })
}

/// An object's owner, grants and tags; `None` if there is no such version.
pub(super) async fn object(
    face: &Face,
    name: &ObjectName,
    version: VersionAsk,
) -> S3Result<Option<ObjectFacts>> {
    let record = face.objects.object_facts(name, version).await.map_err(failed)?;
    Ok(record.map(|record| ObjectFacts {
        owner: record.head.owner,
        acl: record.detail.acl.clone(),
        tags: record.detail.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
    }))
}
