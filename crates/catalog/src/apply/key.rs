//! Users, access keys and named keys.

use units::{TenantId, UserId};

use super::tx::Tx;
use crate::command::{
    KeyCreate, KeyRevoke, NamedKeyCreate, NamedKeyRewrap, UserCreate, UserDelete,
};
use crate::limits::{KEYS_PER_TENANT_MAX, NAMED_KEYS_PER_TENANT_MAX, USERS_PER_TENANT_MAX};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{AccessKey, EventKind, NamedKey, TenantState, User};
use crate::refusal::Refusal;
use crate::table;

pub(super) fn user_create(tx: &mut Tx<'_>, ask: &UserCreate) -> Result<Success, Halt> {
    tenant_not_erased(tx, ask.tenant)?;
    let row = table::user(ask.tenant, &ask.name);
    if tx.rows.get(&row)?.is_some() {
        return Err(Refusal::UserExists.into());
    }
    check_room(tx, &table::users(ask.tenant), USERS_PER_TENANT_MAX)?;
    let user = User { id: ask.id, tenant: ask.tenant, name: ask.name.clone(), created: tx.at };
    tx.rows.put_record(row, &user);
    tx.tenant_event(EventKind::TenantChanged, ask.tenant)?;
    Ok(Success::Done)
}

pub(super) fn user_delete(tx: &mut Tx<'_>, ask: &UserDelete) -> Result<Success, Halt> {
    let row = table::user(ask.tenant, &ask.name);
    let user: User = tx.rows.record(&row)?.ok_or(Refusal::NoSuchUser)?;
    tx.rows.remove(row);
    revoke_all_of(tx, ask.tenant, user.id)?;
    tx.tenant_event(EventKind::TenantChanged, ask.tenant)?;
    Ok(Success::Done)
}

pub(super) fn create(tx: &mut Tx<'_>, ask: &KeyCreate) -> Result<Success, Halt> {
    tenant_not_erased(tx, ask.tenant)?;
    let user = match &ask.user {
        None => None,
        Some(name) => {
            let user: Option<User> = tx.rows.record(&table::user(ask.tenant, name))?;
            Some(user.ok_or(Refusal::NoSuchUser)?.id)
        }
    };
    let row = table::key(&ask.id);
    if tx.rows.get(&row)?.is_some() {
        return Err(Refusal::AccessKeyExists.into());
    }
    check_room(tx, &table::tenant_keys(ask.tenant), KEYS_PER_TENANT_MAX)?;
    let key = AccessKey {
        id: ask.id.clone(),
        tenant: ask.tenant,
        user,
        sealed_secret: ask.sealed_secret.clone(),
        scope: ask.scope.clone(),
        expires: ask.expires,
        revoked: None,
        created: tx.at,
    };
    tx.rows.put_record(row, &key);
    tx.rows.put(table::tenant_key(ask.tenant, &ask.id), Vec::new());
    tx.tenant_event(EventKind::TenantChanged, ask.tenant)?;
    Ok(Success::Done)
}

pub(super) fn revoke(tx: &mut Tx<'_>, ask: &KeyRevoke) -> Result<Success, Halt> {
    let row = table::key(&ask.id);
    let mut key: AccessKey = tx.rows.record(&row)?.ok_or(Refusal::NoSuchAccessKey)?;
    if ask.tenant.is_some_and(|tenant| tenant != key.tenant) {
        return Err(Refusal::NoSuchAccessKey.into());
    }
    if key.revoked.is_none() {
        key.revoked = Some(tx.at);
        tx.rows.put_record(row, &key);
        tx.tenant_event(EventKind::TenantChanged, key.tenant)?;
    }
    Ok(Success::Done)
}

pub(super) fn named_create(tx: &mut Tx<'_>, ask: &NamedKeyCreate) -> Result<Success, Halt> {
    tenant_not_erased(tx, ask.tenant)?;
    let row = table::named_key(ask.tenant, &ask.name);
    if tx.rows.get(&row)?.is_some() {
        return Err(Refusal::NamedKeyExists.into());
    }
    check_room(tx, &table::named_keys(ask.tenant), NAMED_KEYS_PER_TENANT_MAX)?;
    let key = NamedKey {
        tenant: ask.tenant,
        name: ask.name.clone(),
        wrapped_key: ask.wrapped_key.clone(),
        created: tx.at,
    };
    tx.rows.put_record(row, &key);
    tx.tenant_event(EventKind::TenantChanged, ask.tenant)?;
    Ok(Success::Done)
}

pub(super) fn named_rewrap(tx: &mut Tx<'_>, ask: &NamedKeyRewrap) -> Result<Success, Halt> {
    let row = table::named_key(ask.tenant, &ask.name);
    let mut key: NamedKey = tx.rows.record(&row)?.ok_or(Refusal::NoSuchNamedKey)?;
    if key.wrapped_key != ask.old {
        return Err(Refusal::KeyChanged.into());
    }
    key.wrapped_key = ask.new.clone();
    tx.rows.put_record(row, &key);
    tx.tenant_event(EventKind::TenantChanged, ask.tenant)?;
    Ok(Success::Done)
}

fn revoke_all_of(tx: &mut Tx<'_>, tenant: TenantId, user: UserId) -> Result<(), Halt> {
    for id in super::tenant::key_ids(tx, tenant)? {
        let row = table::key(&id);
        let Some(mut key) = tx.rows.record::<AccessKey>(&row)? else { continue };
        if key.user == Some(user) && key.revoked.is_none() {
            key.revoked = Some(tx.at);
            tx.rows.put_record(row, &key);
        }
    }
    Ok(())
}

fn tenant_not_erased(tx: &mut Tx<'_>, id: TenantId) -> Result<(), Halt> {
    match tx.tenant(id)?.state {
        TenantState::Active | TenantState::Suspended => Ok(()),
        TenantState::Erased => Err(Refusal::TenantErased.into()),
    }
}

/// Refuses one more row below a prefix that already has as many as it may.
pub(super) fn check_room(tx: &Tx<'_>, prefix: &[u8], max: usize) -> Result<(), Halt> {
    let mut count = 0;
    for row in tx.rows.scan_prefix(prefix).take(max) {
        row?;
        count += 1;
    }
    if count >= max {
        return Err(Refusal::TooMany { max: u32::try_from(max).unwrap_or(u32::MAX) }.into());
    }
    Ok(())
}
