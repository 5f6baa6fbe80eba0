//! Object lock: the one place that decides whether a version may go.
//!
//! **Invariant**: every path that removes or replaces a version asks
//! [`check_removable`] first, whoever wants it gone. One does not: what an erased tenant
//! left, which nothing opens any more, is cleared away under [`check_clearable`].

use units::{Timestamp, planted};

use crate::record::{Bucket, Retention, RetentionMode, Tenant, TenantState, VersionDetail};
use crate::refusal::{LockReason, Refusal};

/// Whether a version may be removed now.
pub(super) fn check_removable(
    detail: &VersionDetail,
    now: Timestamp,
    bypass_governance: bool,
) -> Result<(), Refusal> {
    if detail.legal_hold == Some(true) {
        return Err(Refusal::ObjectLocked { reason: LockReason::LegalHold });
    }
    match detail.retention {
        Some(_) if planted::is_on("catalog-forgets-retention") => Ok(()),
        Some(retention) if retention.binds_at(now) => match retention.mode {
            RetentionMode::Governance if bypass_governance => Ok(()),
            RetentionMode::Governance | RetentionMode::Compliance => Err(locked(retention)),
        },
        _ => Ok(()),
    }
}

/// Whether all that a tenant holds may be removed, whatever locks it: only once its key is
/// destroyed, when a lock keeps no more than room.
pub(super) fn check_clearable(tenant: &Tenant) -> Result<(), Refusal> {
    match tenant.state {
        TenantState::Erased => Ok(()),
        _ if planted::is_on("catalog-clears-any-tenant") => Ok(()),
        TenantState::Active | TenantState::Suspended => Err(Refusal::TenantNotErased),
    }
}

/// Whether a version's retention may be replaced by another.
///
/// Without bypass a binding retention may only be prolonged, in its own mode;
/// with it, a governance retention may be anything; a compliance retention may
/// never be shortened or weakened.
pub(super) fn check_retention_change(
    old: Option<Retention>,
    new: Option<Retention>,
    now: Timestamp,
    bypass_governance: bool,
) -> Result<(), Refusal> {
    let Some(old) = old.filter(|old| old.binds_at(now)) else { return Ok(()) };
    let prolongs = new.is_some_and(|new| new.mode == old.mode && new.until >= old.until);
    let bypassed = old.mode == RetentionMode::Governance && bypass_governance;
    if prolongs || bypassed { Ok(()) } else { Err(locked(old)) }
}

/// The lock of a new version: what it brings, or else the bucket's default.
pub(super) fn initial(
    bucket: &Bucket,
    retention: Option<Retention>,
    legal_hold: Option<bool>,
    now: Timestamp,
) -> Result<Option<Retention>, Refusal> {
    let Some(lock) = &bucket.object_lock else {
        if retention.is_some() || legal_hold.is_some() {
            return Err(Refusal::BucketLockMissing);
        }
        return Ok(None);
    };
    match retention {
        Some(retention) if !retention.binds_at(now) => Err(Refusal::RetentionInPast),
        Some(retention) => Ok(Some(retention)),
        None => Ok(lock.default_retention.map(|default| default.starting_at(now))),
    }
}

fn locked(retention: Retention) -> Refusal {
    let Retention { mode, until } = retention;
    Refusal::ObjectLocked { reason: LockReason::Retention { mode, until } }
}
