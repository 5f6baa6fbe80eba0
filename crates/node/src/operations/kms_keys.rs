//! Named keys of a tenant.

use admin::Fault;
use admin::model::{KmsKey, KmsKeyNew, List, Page, date_text};
use catalog::{NamedKey, NamedKeyName};

use super::{SiteOperations, undone, unread};

impl SiteOperations {
    pub(super) fn kms_keys(&self, tenant: &str, page: &Page) -> Result<List<KmsKey>, Fault> {
        let row = self.tenant_row(tenant)?;
        let after = page.after.as_deref().and_then(|after| NamedKeyName::new(after).ok());
        let more = page.entries().saturating_add(1);
        let found = self.view().named_keys(row.id, after.as_ref(), more);
        let found = found.map_err(|error| unread(&error))?;
        let list = page.cut(found.into_iter(), |key| key.name.to_string());
        let items = list.items.iter().map(|key| model(key, tenant)).collect();
        Ok(List { items, next: list.next })
    }

    pub(super) async fn create_kms_key(
        &self,
        tenant: &str,
        new: KmsKeyNew,
    ) -> Result<KmsKey, Fault> {
        let row = self.tenant_row(tenant)?;
        // The name travels in a header of every request that names the key.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if new.name.is_empty() || !new.name.bytes().all(plain) {
            return Err(Fault::invalid(
                format!("{:?} is no name for a key", new.name),
                "use letters, digits, '-', '_' and '.'",
            ));
        }
        let name = NamedKeyName::new(new.name.as_str()).map_err(|error| {
            Fault::invalid(format!("{:?}: {error}", new.name), "choose another name")
        })?;
        let made = self.objects.named_key_create(&Self::leave(), row.id, name).await;
        Ok(model(&made.map_err(|error| undone(&error))?, tenant))
    }
}

fn model(key: &NamedKey, tenant: &str) -> KmsKey {
    KmsKey {
        name: key.name.to_string(),
        tenant: tenant.to_owned(),
        created: date_text(key.created),
    }
}
