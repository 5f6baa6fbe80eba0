//! The decision.
//!
//! In this order, the first that says no ends it:
//! 1. the key: revoked, expired, its account suspended;
//! 2. what needs no bucket: the node's actions, the caller's own buckets;
//! 3. the bucket's owner: suspended;
//! 4. the scope of the key;
//! 5. an explicit deny of the bucket policy;
//! 6. anything that allows: ownership, the policy, the grants; what the
//!    public-access block does not count is not counted.

use crate::acl::{self, Granted};
use crate::policy::Verdict;
use crate::{
    Action, Ask, Authorised, BucketFacts, Caller, Denied, DenyReason, Identity, Level, Ownership,
};

/// Decides. An explicit deny wins; what nothing allows is denied.
pub fn decide(caller: &Caller, ask: &Ask<'_>) -> Result<Authorised, Denied> {
    if let Some(identity) = caller.identity() {
        check_key(identity, ask)?;
    }
    let name = ask.bucket.map(|bucket| bucket.name.as_str()).or(ask.bucket_name);
    if let Some(identity) = caller.identity() {
        check_scope(identity, ask.action, name)?;
    }
    match (ask.action.level(), ask.action) {
        (Level::Node, _) => node(caller)?,
        (Level::Service, _) => drop(identified(caller)?),
        (_, Action::CreateBucket) => {
            identified(caller)?;
            if name.is_none() {
                return Err(DenyReason::Incomplete.into());
            }
        }
        (level, _) => {
            let bucket = ask.bucket.ok_or(DenyReason::Incomplete)?;
            if level == Level::Object && ask.key.is_none() {
                return Err(DenyReason::Incomplete.into());
            }
            on_bucket(caller, ask, bucket).map_err(|reason| Denied {
                reason,
                absence_shown: reason != DenyReason::PolicyDeny && may_know(caller, ask, bucket),
            })?;
        }
    }
    Ok(Authorised::new(
        caller.clone(),
        ask.action,
        name.map(str::to_owned),
        ask.key.map(str::to_owned),
        ask.bucket.map(|bucket| bucket.owner),
    ))
}

/// Decides on what a write says besides about the object it makes: its tags, its
/// grants, its lock. `ask.action` is the further right; the write itself is decided
/// on apart.
///
/// A policy names every right it gives. The classic grants know one right to write,
/// and with it comes what makes the object whole: who may write by grant may tag what
/// he writes and, where he will own it, say who else sees it.
pub fn decide_besides(caller: &Caller, ask: &Ask<'_>) -> Result<(), Denied> {
    match decide(caller, ask) {
        Ok(_) => Ok(()),
        Err(denied)
            if denied.reason == DenyReason::NothingAllows && comes_with_grant(caller, ask) =>
        {
            Ok(())
        }
        Err(denied) => Err(denied),
    }
}

fn comes_with_grant(caller: &Caller, ask: &Ask<'_>) -> bool {
    let Some(bucket) = ask.bucket else { return false };
    if !matches!(ask.action, Action::PutObjectTagging | Action::PutObjectAcl) {
        return false;
    }
    let write = Ask { action: Action::PutObject, ..*ask };
    match by_grants(caller, &write, bucket) {
        Granted::ByName => true,
        Granted::Publicly => !bucket.public_access_block.ignore_public_acls,
        Granted::No => false,
    }
}

fn identified(caller: &Caller) -> Result<&Identity, Denied> {
    caller.identity().ok_or(DenyReason::Anonymous.into())
}

fn check_key(identity: &Identity, ask: &Ask<'_>) -> Result<(), Denied> {
    if identity.revoked {
        return Err(DenyReason::KeyRevoked.into());
    }
    let forget = units::planted::is_on("access-forget-expiry");
    if identity.expires.is_some_and(|end| ask.now >= end) && !forget {
        return Err(DenyReason::KeyExpired.into());
    }
    if identity.tenant_suspended {
        return Err(DenyReason::TenantSuspended.into());
    }
    Ok(())
}

fn check_scope(identity: &Identity, action: Action, bucket: Option<&str>) -> Result<(), Denied> {
    if identity.scope.read_only && action.writes() {
        return Err(DenyReason::KeyScopeReadOnly.into());
    }
    if bucket.is_some_and(|bucket| !identity.reaches(bucket)) {
        return Err(DenyReason::KeyScopeBucket.into());
    }
    Ok(())
}

fn node(caller: &Caller) -> Result<(), Denied> {
    if identified(caller)?.operator { Ok(()) } else { Err(DenyReason::OperatorOnly.into()) }
}

/// Whether the caller may know that the object he wants to read is not there.
fn may_know(caller: &Caller, ask: &Ask<'_>, bucket: &BucketFacts) -> bool {
    let reads = acl::object_permission(ask.action) == Some(catalog::Permission::Read);
    let list = Ask { action: Action::ListBucket, ..*ask };
    reads && ask.object.is_none() && on_bucket(caller, &list, bucket).is_ok()
}

fn on_bucket(caller: &Caller, ask: &Ask<'_>, bucket: &BucketFacts) -> Result<(), DenyReason> {
    if bucket.owner_suspended {
        return Err(DenyReason::OwnerSuspended);
    }
    let verdict = match &bucket.policy {
        Some(policy) => policy.evaluate(caller, ask),
        None => Verdict::Silent,
    };
    if verdict == Verdict::Deny && !root_keeps_policy(caller, ask.action, bucket) {
        return Err(DenyReason::PolicyDeny);
    }
    if owns(caller, ask, bucket) {
        return Ok(());
    }
    let mut blocked = false;
    if verdict == Verdict::Allow {
        // A public policy serves only the owner's account while it is restricted.
        let public = bucket.policy.as_ref().is_some_and(|policy| policy.is_public());
        let restricted = bucket.public_access_block.restrict_public_buckets && public;
        let same_account = caller.tenant() == Some(bucket.owner);
        if !restricted || same_account {
            return Ok(());
        }
        blocked = true;
    }
    match by_grants(caller, ask, bucket) {
        Granted::ByName => return Ok(()),
        Granted::Publicly if !bucket.public_access_block.ignore_public_acls => return Ok(()),
        Granted::Publicly => blocked = true,
        Granted::No => {}
    }
    Err(if blocked { DenyReason::PublicAccessBlocked } else { DenyReason::NothingAllows })
}

/// The owner's root can always read, replace and remove the policy, so that a
/// mistake in it can be mended, unless it was stored with leave to lock root out.
fn root_keeps_policy(caller: &Caller, action: Action, bucket: &BucketFacts) -> bool {
    let about_policy = matches!(
        action,
        Action::GetBucketPolicy | Action::PutBucketPolicy | Action::DeleteBucketPolicy
    );
    let root = caller.identity().is_some_and(|it| it.is_root() && it.tenant == bucket.owner);
    about_policy && root && !bucket.policy_binds_root
}

/// Whether the caller's account owns what the action is about. The owner of a
/// bucket may do anything with it; what others own in it he may remove, and read
/// what is said about it, but reads only what they let him.
fn owns(caller: &Caller, ask: &Ask<'_>, bucket: &BucketFacts) -> bool {
    if caller.tenant() != Some(bucket.owner) {
        return false;
    }
    if ask.action.level() != Level::Object || bucket.ownership == Ownership::BucketOwnerEnforced {
        return true;
    }
    let owner = ask.object.and_then(|object| object.owner).unwrap_or(bucket.owner);
    owner == bucket.owner || acl::object_permission(ask.action).is_none()
}

/// What the classic grants say, where they count at all.
fn by_grants(caller: &Caller, ask: &Ask<'_>, bucket: &BucketFacts) -> Granted {
    if bucket.ownership == Ownership::BucketOwnerEnforced {
        return Granted::No;
    }
    let on_bucket = |permission| match &bucket.acl {
        Some(acl) => acl::granted(acl, caller, permission),
        None => Granted::No,
    };
    if ask.action.level() == Level::Bucket {
        return acl::bucket_permission(ask.action).map_or(Granted::No, on_bucket);
    }
    let mut best = Granted::No;
    if let Some(permission) = acl::bucket_permission(ask.action) {
        best = on_bucket(permission);
    }
    let Some(object) = ask.object else { return best };
    let owner = object.owner.unwrap_or(bucket.owner);
    let is_owner = caller.tenant() == Some(owner);
    if is_owner
        && matches!(ask.action, Action::AbortMultipartUpload | Action::ListMultipartUploadParts)
    {
        return Granted::ByName;
    }
    if let Some(permission) = acl::object_permission(ask.action) {
        // An owner never locks himself out of the list itself.
        let about_list = permission != catalog::Permission::Read;
        let own = match &object.acl {
            _ if is_owner && about_list => Granted::ByName,
            None if is_owner => Granted::ByName,
            Some(acl) => acl::granted(acl, caller, permission),
            None => Granted::No,
        };
        best = stronger(best, own);
    }
    best
}

const fn stronger(left: Granted, right: Granted) -> Granted {
    match (left, right) {
        (Granted::ByName, _) | (_, Granted::ByName) => Granted::ByName,
        (Granted::Publicly, _) | (_, Granted::Publicly) => Granted::Publicly,
        _ => Granted::No,
    }
}

/// Whether a bucket is public, as `GetBucketPolicyStatus` answers: by its policy
/// or by its grants, where the public-access block lets them count.
pub fn is_public(bucket: &BucketFacts) -> bool {
    let block = &bucket.public_access_block;
    let by_policy = bucket.policy.as_ref().is_some_and(|policy| policy.is_public())
        && !block.restrict_public_buckets;
    let by_grants = bucket.ownership != Ownership::BucketOwnerEnforced
        && bucket.acl.as_ref().is_some_and(acl::is_public)
        && !block.ignore_public_acls;
    by_policy || by_grants
}
