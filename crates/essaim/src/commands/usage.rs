//! `essaim usage`.

use admin::model::Usage;

use crate::cli::Connect;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) async fn run(tenant: Option<&str>, connect: &Connect) -> Result<(), Failure> {
    let place = match tenant {
        Some(tenant) => format!("/api/v1/usage?tenant={}", segment(tenant)),
        None => "/api/v1/usage".to_owned(),
    };
    let usage: Usage = Client::new(connect)?.get(&place).await?;
    if connect.json {
        return output::json(&usage);
    }
    let mut table = Table::new(&["TENANT", "BUCKET", "OBJECTS", "STORED", "QUOTA"]);
    for tenant in &usage.tenants {
        table.row([
            tenant.tenant.clone(),
            String::new(),
            tenant.objects.to_string(),
            output::bytes(tenant.bytes),
            output::quota(tenant.quota_bytes, tenant.quota_objects),
        ]);
        for bucket in &tenant.buckets {
            table.row([
                String::new(),
                bucket.bucket.clone(),
                bucket.objects.to_string(),
                output::bytes(bucket.bytes),
                String::new(),
            ]);
        }
        if tenant.more_buckets {
            table.row([String::new(), "…".into(), String::new(), String::new(), String::new()]);
        }
    }
    table.print("nothing is stored");
    let objects = output::counted(usage.objects, "object", "objects");
    say!("\n{objects}, {} in all", output::bytes(usage.bytes));
    if usage.more_tenants {
        say!("There are more tenants: see them with --tenant T");
    }
    Ok(())
}
