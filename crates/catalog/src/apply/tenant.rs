//! Tenants: make, suspend, resume, erase, delete.

use units::TenantId;

use super::tx::Tx;
use crate::command::{
    TenantCreate, TenantCreateWithEmail, TenantDelete, TenantErase, TenantKeyRewrap,
    TenantQuotaSet, TenantResume, TenantShredded, TenantSuspend,
};
use crate::limits::BUCKETS_PER_TENANT_MAX;
use crate::name::{AccessKeyId, BucketName, EmailAddress, SealedBytes};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Bucket, Damaged, EventKind, Job, PolicyScope, Tenant, TenantState};
use crate::refusal::{LockReason, Refusal};
use crate::table;

pub(super) fn create(tx: &mut Tx<'_>, ask: &TenantCreate) -> Result<Success, Halt> {
    create_as(tx, ask, None)
}

pub(super) fn create_with_email(
    tx: &mut Tx<'_>,
    ask: &TenantCreateWithEmail,
) -> Result<Success, Halt> {
    create_as(tx, &ask.tenant, Some(&ask.email))
}

fn create_as(
    tx: &mut Tx<'_>,
    ask: &TenantCreate,
    email: Option<&EmailAddress>,
) -> Result<Success, Halt> {
    let by_name = table::tenant_name(&ask.name);
    let by_id = table::tenant(ask.id);
    if tx.rows.get(&by_name)?.is_some() || tx.rows.get(&by_id)?.is_some() {
        return Err(Refusal::TenantExists.into());
    }
    let tenant = Tenant {
        id: ask.id,
        name: ask.name.clone(),
        state: TenantState::Active,
        quota: ask.quota,
        wrapped_key: ask.wrapped_key.clone(),
        created: tx.at,
        email: email.cloned(),
    };
    if let Some(email) = email {
        let by_email = table::tenant_email(email);
        if tx.rows.get(&by_email)?.is_some() {
            return Err(Refusal::EmailTaken.into());
        }
        tx.rows.put(by_email, ask.id.to_bytes().to_vec());
    }
    tx.rows.put(by_name, ask.id.to_bytes().to_vec());
    changed(tx, &tenant)
}

pub(super) fn suspend(tx: &mut Tx<'_>, ask: &TenantSuspend) -> Result<Success, Halt> {
    let mut tenant = tx.tenant(ask.id)?;
    if tenant.state == TenantState::Active {
        tenant.state = TenantState::Suspended;
    }
    changed(tx, &tenant)
}

pub(super) fn resume(tx: &mut Tx<'_>, ask: &TenantResume) -> Result<Success, Halt> {
    let mut tenant = tx.tenant(ask.id)?;
    match tenant.state {
        TenantState::Erased => return Err(Refusal::TenantErased.into()),
        TenantState::Active | TenantState::Suspended => tenant.state = TenantState::Active,
    }
    changed(tx, &tenant)
}

pub(super) fn quota_set(tx: &mut Tx<'_>, ask: &TenantQuotaSet) -> Result<Success, Halt> {
    let mut tenant = tx.tenant(ask.id)?;
    tenant.quota = ask.quota;
    changed(tx, &tenant)
}

pub(super) fn key_rewrap(tx: &mut Tx<'_>, ask: &TenantKeyRewrap) -> Result<Success, Halt> {
    let mut tenant = tx.tenant(ask.id)?;
    if tenant.wrapped_key != ask.old || tenant.state == TenantState::Erased {
        return Err(Refusal::KeyChanged.into());
    }
    tenant.wrapped_key = ask.new.clone();
    changed(tx, &tenant)
}

pub(super) fn erase(tx: &mut Tx<'_>, ask: &TenantErase) -> Result<Success, Halt> {
    let mut tenant = tx.tenant(ask.id)?;
    for name in bucket_names(tx, ask.id)? {
        let Some(bucket) = tx.rows.record::<Bucket>(&table::bucket(&name))? else { continue };
        if bucket.object_lock.is_some() && super::bucket::holds_versions(tx, bucket.id)? {
            return Err(Refusal::ObjectLocked { reason: LockReason::Bucket }.into());
        }
    }
    mark_erased(&mut tenant);
    tx.job_set(&Job::shred_of(ask.id), Some(&SealedBytes::default()))?;
    changed(tx, &tenant)
}

pub(super) fn shredded(tx: &mut Tx<'_>, ask: &TenantShredded) -> Result<Success, Halt> {
    let mut tenant = tx.tenant(ask.id)?;
    mark_erased(&mut tenant);
    changed(tx, &tenant)
}

fn mark_erased(tenant: &mut Tenant) {
    tenant.state = TenantState::Erased;
    tenant.wrapped_key = SealedBytes::default();
}

pub(super) fn delete(tx: &mut Tx<'_>, ask: &TenantDelete) -> Result<Success, Halt> {
    let tenant = tx.tenant(ask.id)?;
    if tx.rows.scan_prefix(&table::tenant_buckets(ask.id)).next().transpose()?.is_some() {
        return Err(Refusal::TenantNotEmpty.into());
    }
    let users: Vec<_> = tx.rows.scan_prefix(&table::users(ask.id)).collect::<Result<_, _>>()?;
    for (row, _) in users {
        tx.rows.remove(row);
    }
    let named: Vec<_> =
        tx.rows.scan_prefix(&table::named_keys(ask.id)).collect::<Result<_, _>>()?;
    for (row, _) in named {
        tx.rows.remove(row);
    }
    for id in key_ids(tx, ask.id)? {
        tx.rows.remove(table::tenant_key(ask.id, &id));
        tx.rows.remove(table::key(&id));
    }
    if let Some(email) = &tenant.email {
        tx.rows.remove(table::tenant_email(email));
    }
    tx.rows.remove(table::tenant_usage(ask.id));
    super::policy::drop_of(tx, PolicyScope::Tenant(ask.id))?;
    tx.rows.remove(table::tenant_name(&tenant.name));
    tx.rows.remove(table::tenant(ask.id));
    tx.job_set(&Job::shred_of(ask.id), Some(&SealedBytes::default()))?;
    tx.tenant_event(EventKind::TenantDeleted, ask.id)?;
    Ok(Success::Done)
}

fn changed(tx: &mut Tx<'_>, tenant: &Tenant) -> Result<Success, Halt> {
    tx.rows.put_record(table::tenant(tenant.id), tenant);
    tx.tenant_event(EventKind::TenantChanged, tenant.id)?;
    Ok(Success::Done)
}

fn bucket_names(tx: &Tx<'_>, tenant: TenantId) -> Result<Vec<BucketName>, Halt> {
    let prefix = table::tenant_buckets(tenant);
    let mut names = Vec::new();
    for row in tx.rows.scan_prefix(&prefix).take(BUCKETS_PER_TENANT_MAX) {
        names.push(BucketName::stored(text(&row?.0, prefix.len())?));
    }
    Ok(names)
}

/// The ids of all access keys of a tenant.
pub(super) fn key_ids(tx: &Tx<'_>, tenant: TenantId) -> Result<Vec<AccessKeyId>, Halt> {
    let prefix = table::tenant_keys(tenant);
    let mut ids = Vec::new();
    for row in tx.rows.scan_prefix(&prefix) {
        ids.push(AccessKeyId::stored(text(&row?.0, prefix.len())?));
    }
    Ok(ids)
}

fn text(row: &[u8], at: usize) -> Result<String, Damaged> {
    let text = row.get(at..).and_then(|bytes| core::str::from_utf8(bytes).ok());
    text.map(str::to_owned).ok_or(Damaged { kind: "tenant index" })
}
