//! Users of a tenant.

use admin::Fault;
use admin::model::{List, Page, User, UserNew, date_text};
use catalog::UserName;

use super::{SiteOperations, undone, unread};

impl SiteOperations {
    pub(super) fn users(&self, tenant: &str, page: &Page) -> Result<List<User>, Fault> {
        let row = self.tenant_row(tenant)?;
        let after = page.after.as_deref().and_then(|after| UserName::new(after).ok());
        let more = page.entries().saturating_add(1);
        let found = self.view().users(row.id, after.as_ref(), more);
        let found = found.map_err(|error| unread(&error))?;
        let list = page.cut(found.into_iter(), |user| user.name.to_string());
        let items = list.items.iter().map(|user| user_model(user, tenant)).collect();
        Ok(List { items, next: list.next })
    }

    pub(super) async fn create_user(&self, tenant: &str, new: UserNew) -> Result<User, Fault> {
        let row = self.tenant_row(tenant)?;
        let name = UserName::new(new.name.as_str()).map_err(|error| {
            Fault::invalid(format!("{:?}: {error}", new.name), "choose another name")
        })?;
        let made = self.objects.user_create(&Self::leave(), row.id, name).await;
        Ok(user_model(&made.map_err(|error| undone(&error))?, tenant))
    }

    pub(super) async fn delete_user(&self, tenant: &str, name: &str) -> Result<(), Fault> {
        let row = self.tenant_row(tenant)?;
        let list = format!("essaim user list --tenant {tenant}");
        let parsed = UserName::new(name).map_err(|_| Fault::not_found("user", name, &list))?;
        let done = self.objects.user_delete(&Self::leave(), row.id, parsed).await;
        done.map_err(|error| undone(&error))
    }
}

fn user_model(user: &catalog::User, tenant: &str) -> User {
    User {
        id: user.id.to_string(),
        name: user.name.to_string(),
        tenant: tenant.to_owned(),
        created: date_text(user.created),
    }
}
