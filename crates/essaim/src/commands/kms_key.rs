//! `essaim kms-key`.

use admin::model::{KmsKey, KmsKeyNew};
use reqwest::Method;

use super::all;
use crate::cli::KmsKeyVerb;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) async fn run(verb: KmsKeyVerb) -> Result<(), Failure> {
    match verb {
        KmsKeyVerb::Create { name, of } => {
            let client = Client::new(&of.connect)?;
            let new = KmsKeyNew { name };
            let made: KmsKey = client.send_json(Method::POST, &path(&of.tenant), &new).await?;
            if of.connect.json {
                return output::json(&made);
            }
            output::facts(&[
                ("key", made.name),
                ("tenant", made.tenant),
                ("created", made.created),
            ]);
            Ok(())
        }
        KmsKeyVerb::List(of) => {
            let keys: Vec<KmsKey> = all(&Client::new(&of.connect)?, &path(&of.tenant)).await?;
            if of.connect.json {
                return output::json(&keys);
            }
            let mut table = Table::new(&["NAME", "CREATED"]);
            for key in keys {
                table.row([key.name, key.created]);
            }
            table.print("no named key yet: make one with: essaim kms-key create NAME --tenant T");
            Ok(())
        }
    }
}

fn path(tenant: &str) -> String {
    format!("/api/v1/tenants/{}/kms-keys", segment(tenant))
}
