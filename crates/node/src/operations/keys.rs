//! Access keys of a tenant.

use core::time::Duration;

use admin::Fault;
use admin::model::{Key, KeyMade, KeyNew, List, Page, date_text};
use catalog::{AccessKey, AccessKeyId, BucketName, KeyScope, UserName, View};
use units::{TenantId, Timestamp, UserId};

use super::{SiteOperations, undone, unread};

/// Users looked through at once to name a key's.
const ROWS: usize = 500;

impl SiteOperations {
    pub(super) fn keys(&self, tenant: &str, page: &Page) -> Result<List<Key>, Fault> {
        let row = self.tenant_row(tenant)?;
        let view = self.view();
        let after = page.after.as_deref().and_then(|after| AccessKeyId::new(after).ok());
        let more = page.entries().saturating_add(1);
        let found = view.access_keys(row.id, after.as_ref(), more);
        let found = found.map_err(|error| unread(&error))?;
        let list = page.cut(found.into_iter(), |key| key.id.to_string());
        let now = self.clock.now();
        let items = list.items.iter().map(|key| key_model(&view, key, tenant, now));
        Ok(List { items: items.collect::<Result<_, _>>()?, next: list.next })
    }

    pub(super) async fn create_key(&self, tenant: &str, new: KeyNew) -> Result<KeyMade, Fault> {
        let row = self.tenant_row(tenant)?;
        let user = match &new.user {
            None => None,
            Some(name) => {
                let list = format!("essaim user list --tenant {tenant}");
                let unknown = || Fault::not_found("user", name, &list);
                Some(UserName::new(name.as_str()).map_err(|_| unknown())?)
            }
        };
        let scope = KeyScope { buckets: buckets(new.buckets)?, read_only: new.read_only };
        let expires = new
            .expires_in_seconds
            .map(|seconds| self.clock.now().after(Duration::from_secs(seconds)));
        let made =
            self.objects.access_key_create(&Self::leave(), row.id, user, scope, expires).await;
        let made = made.map_err(|error| undone(&error))?;
        let key = key_model(&self.view(), &made.key, tenant, self.clock.now())?;
        Ok(KeyMade { key, secret_access_key: made.secret.to_string() })
    }

    pub(super) async fn revoke_key(&self, tenant: &str, id: &str) -> Result<(), Fault> {
        let row = self.tenant_row(tenant)?;
        let list = format!("essaim key list --tenant {tenant}");
        let parsed = AccessKeyId::new(id).map_err(|_| Fault::not_found("access key", id, &list))?;
        let done = self.objects.access_key_revoke(&Self::leave(), row.id, &parsed).await;
        done.map_err(|error| undone(&error))
    }
}

fn buckets(names: Option<Vec<String>>) -> Result<Option<Vec<BucketName>>, Fault> {
    let parse = |name: String| {
        BucketName::new(name.as_str()).map_err(|error| {
            Fault::invalid(
                format!("{name:?} is no bucket name: {error}"),
                "use 3 to 63 lower-case letters, digits, '-' and '.'",
            )
        })
    };
    names.map(|names| names.into_iter().map(parse).collect()).transpose()
}

fn key_model(view: &View, key: &AccessKey, tenant: &str, now: Timestamp) -> Result<Key, Fault> {
    let user = match key.user {
        None => None,
        Some(id) => user_name(view, key.tenant, id)?,
    };
    let names = |buckets: &Vec<BucketName>| buckets.iter().map(ToString::to_string).collect();
    Ok(Key {
        access_key_id: key.id.to_string(),
        tenant: tenant.to_owned(),
        user,
        buckets: key.scope.buckets.as_ref().map(names),
        read_only: key.scope.read_only,
        created: date_text(key.created),
        expires: key.expires.map(date_text),
        expired: key.expires.is_some_and(|expires| expires <= now),
        revoked: key.revoked.is_some(),
    })
}

/// The name of a user; users are kept by name and a tenant has few.
fn user_name(view: &View, tenant: TenantId, id: UserId) -> Result<Option<String>, Fault> {
    let mut after: Option<UserName> = None;
    loop {
        let page = view.users(tenant, after.as_ref(), ROWS).map_err(|error| unread(&error))?;
        if let Some(user) = page.iter().find(|user| user.id == id) {
            return Ok(Some(user.name.to_string()));
        }
        match page.into_iter().next_back() {
            Some(last) => after = Some(last.name),
            None => return Ok(None),
        }
    }
}
