//! `essaim tenant`.

use admin::model::{RotationKind, ShredWord, Tenant, TenantNew, TenantQuota, TenantState};
use reqwest::Method;

use super::all;
use crate::cli::{Connect, QuotaArg, QuotaSetArg, TenantVerb};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table};
use node::shell;

/// What the end of a tenant's key means.
const SHREDDED: &str = "
Its key is destroyed: nothing it stored opens on this node again, and no backup of the catalog
changes that here. What it left on the disks is cleared away by itself, its buckets too, from the
next minute on: essaim tenant show says what is left. Whoever has BOTH a backup of the catalog and
a copy of the root key from before can still open what is left of its fragments elsewhere: destroy
those copies too, or rotate the root key now (essaim root-key rotate), which makes the copies of the
catalog worthless for today's root key.";

pub(super) async fn run(verb: TenantVerb) -> Result<(), Failure> {
    match verb {
        TenantVerb::Create { name, email, quota, connect } => {
            let QuotaArg { quota_bytes, quota_objects } = quota;
            let new = TenantNew { name, email, quota_bytes, quota_objects };
            let client = Client::new(&connect)?;
            let made = client.send_json(Method::POST, "/api/v1/tenants", &new).await?;
            show(&made, &connect)
        }
        TenantVerb::List(connect) => list(&connect).await,
        TenantVerb::Show(named) => {
            let client = Client::new(&named.connect)?;
            show(&client.get(&path(&named.name, "")).await?, &named.connect)
        }
        TenantVerb::Quota { name, quota, connect } => {
            let QuotaSetArg { quota_bytes, quota_objects, unlimited: _ } = quota;
            let new = TenantQuota { quota_bytes, quota_objects };
            let client = Client::new(&connect)?;
            let changed = client.send_json(Method::PUT, &path(&name, "/quota"), &new).await?;
            show(&changed, &connect)
        }
        TenantVerb::Suspend(named) => {
            let client = Client::new(&named.connect)?;
            show(&client.post(&path(&named.name, "/suspend")).await?, &named.connect)
        }
        TenantVerb::Resume(named) => {
            let client = Client::new(&named.connect)?;
            show(&client.post(&path(&named.name, "/resume")).await?, &named.connect)
        }
        TenantVerb::RotateKey { name, rotate } => {
            super::rotation::rotate(RotationKind::Tenant, Some(name), &rotate).await
        }
        TenantVerb::Shred { name, yes_destroy_everything: _, connect } => {
            let word = ShredWord { destroy_everything_of: name.clone() };
            let client = Client::new(&connect)?;
            let gone = client.send_json(Method::POST, &path(&name, "/shred"), &word).await?;
            show(&gone, &connect)?;
            if !connect.json {
                say!("{SHREDDED}");
            }
            Ok(())
        }
        TenantVerb::Delete(named) => {
            let client = Client::new(&named.connect)?;
            client.delete(&path(&named.name, "")).await?;
            super::deleted("tenant", &named.name, &named.connect)?;
            if !named.connect.json {
                say!("Its users and access keys went with it; it had no bucket any more.");
            }
            Ok(())
        }
    }
}

fn path(name: &str, rest: &str) -> String {
    format!("/api/v1/tenants/{}{rest}", segment(name))
}

async fn list(connect: &Connect) -> Result<(), Failure> {
    let tenants: Vec<Tenant> = all(&Client::new(connect)?, "/api/v1/tenants").await?;
    if connect.json {
        return output::json(&tenants);
    }
    let mut table =
        Table::new(&["NAME", "STATE", "BUCKETS", "OBJECTS", "STORED", "QUOTA", "E-MAIL"]);
    for tenant in tenants {
        table.row([
            tenant.name,
            state(tenant.state).to_owned(),
            tenant.buckets.to_string(),
            tenant.objects.to_string(),
            output::bytes(tenant.bytes),
            output::quota(tenant.quota_bytes, tenant.quota_objects),
            tenant.email.unwrap_or_default(),
        ]);
    }
    table.print("no tenant yet: make one with: essaim tenant create NAME");
    Ok(())
}

fn show(tenant: &Tenant, connect: &Connect) -> Result<(), Failure> {
    if connect.json {
        return output::json(tenant);
    }
    let mut facts = vec![
        ("tenant", tenant.name.clone()),
        ("id", tenant.id.clone()),
        ("state", state(tenant.state).to_owned()),
        ("created", tenant.created.clone()),
        ("e-mail", tenant.email.clone().unwrap_or_else(|| "none".to_owned())),
        ("buckets", tenant.buckets.to_string()),
        ("objects", tenant.objects.to_string()),
        ("stored", output::bytes(tenant.bytes)),
        ("quota", output::quota(tenant.quota_bytes, tenant.quota_objects)),
    ];
    if tenant.state == TenantState::Erased {
        facts.push(("left", left(tenant)));
    }
    output::facts(&facts);
    Ok(())
}

/// What of an erased tenant is still to be cleared away.
fn left(tenant: &Tenant) -> String {
    if tenant.buckets == 0 {
        return format!("nothing: essaim tenant delete {}", shell::quoted(&tenant.name));
    }
    format!(
        "{}, {}, {}: cleared away by itself, from the next minute on",
        output::counted(tenant.buckets, "bucket", "buckets"),
        output::counted(tenant.objects, "object", "objects"),
        output::bytes(tenant.bytes)
    )
}

const fn state(state: TenantState) -> &'static str {
    match state {
        TenantState::Active => "active",
        TenantState::Suspended => "suspended",
        TenantState::Erased => "erased",
    }
}
