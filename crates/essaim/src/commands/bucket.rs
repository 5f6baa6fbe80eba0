//! `essaim bucket`.

use admin::model::{Bucket, BucketNew, BucketQuota, BucketSseC, RotationKind};
use reqwest::Method;

use super::all;
use crate::cli::{BucketVerb, Connect, QuotaArg, QuotaSetArg};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) async fn run(verb: BucketVerb) -> Result<(), Failure> {
    match verb {
        BucketVerb::Create { name, of, quota } => {
            let QuotaArg { quota_bytes, quota_objects } = quota;
            let new = BucketNew { name, tenant: of.tenant, quota_bytes, quota_objects };
            let client = Client::new(&of.connect)?;
            let made = client.send_json(Method::POST, "/api/v1/buckets", &new).await?;
            show(&made, &of.connect)
        }
        BucketVerb::List { tenant, connect } => list(tenant.as_deref(), &connect).await,
        BucketVerb::Show(named) => {
            let client = Client::new(&named.connect)?;
            show(&client.get(&path(&named.name, "")).await?, &named.connect)
        }
        BucketVerb::Quota { name, quota, connect } => {
            let QuotaSetArg { quota_bytes, quota_objects, unlimited: _ } = quota;
            let new = BucketQuota { quota_bytes, quota_objects };
            let client = Client::new(&connect)?;
            let changed = client.send_json(Method::PUT, &path(&name, "/quota"), &new).await?;
            show(&changed, &connect)
        }
        BucketVerb::SseC { name, allow, forbid, connect } => {
            let new = BucketSseC { allowed: (allow || forbid).then_some(allow) };
            let client = Client::new(&connect)?;
            let changed = client.send_json(Method::PUT, &path(&name, "/sse-c"), &new).await?;
            show(&changed, &connect)
        }
        BucketVerb::RotateKey { name, rotate } => {
            super::rotation::rotate(RotationKind::Bucket, Some(name), &rotate).await
        }
        BucketVerb::Delete(named) => {
            Client::new(&named.connect)?.delete(&path(&named.name, "")).await?;
            super::deleted("bucket", &named.name, &named.connect)
        }
    }
}

fn path(name: &str, rest: &str) -> String {
    format!("/api/v1/buckets/{}{rest}", segment(name))
}

async fn list(tenant: Option<&str>, connect: &Connect) -> Result<(), Failure> {
    let place = match tenant {
        Some(tenant) => format!("/api/v1/buckets?tenant={}", segment(tenant)),
        None => "/api/v1/buckets".to_owned(),
    };
    let buckets: Vec<Bucket> = all(&Client::new(connect)?, &place).await?;
    if connect.json {
        return output::json(&buckets);
    }
    let mut table =
        Table::new(&["NAME", "TENANT", "OBJECTS", "STORED", "QUOTA", "VERSIONS", "LOCK"]);
    for bucket in buckets {
        table.row([
            bucket.name,
            bucket.tenant,
            bucket.objects.to_string(),
            output::bytes(bucket.bytes),
            output::quota(bucket.quota_bytes, bucket.quota_objects),
            bucket.versioning,
            on_off(bucket.object_lock).to_owned(),
        ]);
    }
    table.print("no bucket yet: make one with: essaim bucket create NAME --tenant T");
    Ok(())
}

fn show(bucket: &Bucket, connect: &Connect) -> Result<(), Failure> {
    if connect.json {
        return output::json(bucket);
    }
    output::facts(&[
        ("bucket", bucket.name.clone()),
        ("id", bucket.id.clone()),
        ("tenant", bucket.tenant.clone()),
        ("created", bucket.created.clone()),
        ("objects", bucket.objects.to_string()),
        ("stored", output::bytes(bucket.bytes)),
        ("quota", output::quota(bucket.quota_bytes, bucket.quota_objects)),
        ("versioning", bucket.versioning.clone()),
        ("clients' own keys", bucket.sse_c.map_or("as the node says", on_off).to_owned()),
        ("object lock", on_off(bucket.object_lock).to_owned()),
    ]);
    Ok(())
}

const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
