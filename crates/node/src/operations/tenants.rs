//! Tenants.

use admin::model::{List, Page, Tenant, TenantNew, TenantQuota, TenantState, date_text};
use admin::{Fault, FaultKind};
use catalog::{EmailAddress, Quota, Refusal, TenantName};
use objects::ObjectError;
use units::{ByteCount, ObjectCount};

use super::{SiteOperations, undone, unread};
use crate::limits::TENANTS_LISTED_MAX;

const LIST: &str = "essaim tenant list";

/// Rows asked of the catalog at once.
const ROWS: usize = 500;

/// A quota as the catalog keeps it.
pub(super) fn quota_of(bytes: Option<u64>, objects: Option<u64>) -> Quota {
    Quota { bytes: bytes.map(ByteCount::new), objects: objects.map(ObjectCount::new) }
}

impl SiteOperations {
    /// The row of a tenant.
    pub(super) fn tenant_row(&self, name: &str) -> Result<catalog::Tenant, Fault> {
        let unknown = || Fault::not_found("tenant", name, LIST);
        let parsed = TenantName::new(name).map_err(|_| unknown())?;
        let found = self.view().tenant_named(&parsed).map_err(|error| unread(&error))?;
        found.ok_or_else(unknown)
    }

    /// All rows, by name, as the catalog keeps them by id.
    pub(super) fn tenant_rows(&self) -> Result<Vec<catalog::Tenant>, Fault> {
        let view = self.view();
        let mut rows: Vec<catalog::Tenant> = Vec::new();
        while rows.len() < TENANTS_LISTED_MAX {
            let after = rows.last().map(|row| row.id);
            let page = view.tenants(after, ROWS).map_err(|error| unread(&error))?;
            if page.is_empty() {
                break;
            }
            rows.extend(page);
        }
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rows)
    }

    pub(super) fn tenant_model(&self, row: &catalog::Tenant) -> Result<Tenant, Fault> {
        let view = self.view();
        let usage = view.tenant_usage(row.id).map_err(|error| unread(&error))?;
        let mut buckets: u64 = 0;
        let mut after = None;
        loop {
            let page = view.tenant_buckets(row.id, after.as_ref(), ROWS);
            let page = page.map_err(|error| unread(&error))?;
            buckets = buckets.saturating_add(page.len() as u64);
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.name),
                None => break,
            }
        }
        Ok(Tenant {
            id: row.id.to_string(),
            name: row.name.to_string(),
            state: match row.state {
                catalog::TenantState::Active => TenantState::Active,
                catalog::TenantState::Suspended => TenantState::Suspended,
                catalog::TenantState::Erased => TenantState::Erased,
            },
            created: date_text(row.created),
            email: row.email.as_ref().map(ToString::to_string),
            quota_bytes: row.quota.bytes.map(ByteCount::get),
            quota_objects: row.quota.objects.map(ObjectCount::get),
            buckets,
            objects: usage.objects.get(),
            bytes: usage.bytes.get(),
        })
    }

    pub(super) fn tenants(&self, page: &Page) -> Result<List<Tenant>, Fault> {
        let cut = page.cut(self.tenant_rows()?.into_iter(), |row| row.name.to_string());
        let items = cut.items.iter().map(|row| self.tenant_model(row)).collect::<Result<_, _>>()?;
        Ok(List { items, next: cut.next })
    }

    pub(super) async fn create_tenant(&self, new: TenantNew) -> Result<Tenant, Fault> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        let short = !new.name.is_empty() && new.name.len() <= admin::limits::NAME_BYTES_MAX;
        if !short || !new.name.bytes().all(plain) {
            return Err(Fault::invalid(
                format!("{:?} is no name for a tenant", new.name),
                "use up to 64 lower-case letters, digits, '-', '_' and '.'",
            ));
        }
        let name = TenantName::new(new.name)
            .map_err(|error| Fault::invalid(error.to_string(), "choose another name"))?;
        let quota = quota_of(new.quota_bytes, new.quota_objects);
        let email = new.email.map(|email| {
            EmailAddress::new(email.to_lowercase()).map_err(|_| {
                Fault::invalid(
                    format!("{email:?} is no e-mail address"),
                    "write it as name@example.org",
                )
            })
        });
        let email = email.transpose()?;
        let made = self.objects.tenant_create_with(&Self::leave(), name, quota, email).await;
        self.tenant_model(&made.map_err(|error| undone(&error))?)
    }

    pub(super) async fn delete_tenant(&self, name: &str) -> Result<(), Fault> {
        let row = self.tenant_row(name)?;
        match self.objects.tenant_delete(&Self::leave(), row.id).await {
            Ok(()) => {
                tracing::info!(tenant = name, id = %row.id, "a tenant was deleted");
                Ok(())
            }
            Err(ObjectError::Refused(Refusal::TenantNotEmpty))
                if row.state == catalog::TenantState::Erased =>
            {
                let left = self.tenant_model(&row)?;
                Err(Fault::new(
                    FaultKind::Conflict,
                    format!(
                        "what the erased tenant left is still being cleared away: {} buckets, {} \
                         object versions",
                        left.buckets, left.objects
                    ),
                    "it goes by itself, from the next minute on: try again then; essaim tenant show \
                     says what is left, and essaim status whether a restored catalog holds it up",
                ))
            }
            Err(error) => Err(undone(&error)),
        }
    }

    pub(super) async fn set_tenant_quota(
        &self,
        name: &str,
        quota: TenantQuota,
    ) -> Result<Tenant, Fault> {
        let row = self.tenant_row(name)?;
        let quota = quota_of(quota.quota_bytes, quota.quota_objects);
        let set = self.objects.tenant_quota_set(&Self::leave(), row.id, quota).await;
        set.map_err(|error| undone(&error))?;
        self.tenant_model(&self.tenant_row(name)?)
    }
}
