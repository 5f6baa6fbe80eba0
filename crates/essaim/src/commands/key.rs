//! `essaim key`.

use admin::model::{Key, KeyMade, KeyNew};
use reqwest::Method;

use super::all;
use crate::cli::{Connect, KeyVerb};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) async fn run(verb: KeyVerb) -> Result<(), Failure> {
    match verb {
        KeyVerb::Create { of, user, buckets, read_only, expires } => {
            let new = KeyNew { user, buckets, read_only, expires_in_seconds: expires };
            let client = Client::new(&of.connect)?;
            let made = client.send_json(Method::POST, &path(&of.tenant), &new).await?;
            show(&made, &of.connect)
        }
        KeyVerb::List(of) => {
            let keys: Vec<Key> = all(&Client::new(&of.connect)?, &path(&of.tenant)).await?;
            if of.connect.json {
                return output::json(&keys);
            }
            let mut table = Table::new(&["ACCESS KEY", "USER", "BUCKETS", "RIGHTS", "EXPIRES"]);
            for key in keys {
                table.row([
                    key.access_key_id.clone(),
                    output::or_dash(key.user.as_deref()),
                    key.buckets.as_ref().map_or_else(|| "all".to_owned(), |b| b.join(",")),
                    rights(&key).to_owned(),
                    output::or_dash(key.expires.as_deref()),
                ]);
            }
            table.print("no access key yet: make one with: essaim key create --tenant T");
            Ok(())
        }
        KeyVerb::Revoke { id, of } => {
            let place = format!("{}/{}", path(&of.tenant), segment(&id));
            Client::new(&of.connect)?.delete(&place).await?;
            super::deleted("access key", &id, &of.connect)
        }
    }
}

fn path(tenant: &str) -> String {
    format!("/api/v1/tenants/{}/keys", segment(tenant))
}

const fn rights(key: &Key) -> &'static str {
    match key {
        Key { revoked: true, .. } => "revoked",
        Key { expired: true, .. } => "expired",
        Key { read_only: true, .. } => "read",
        _ => "read, write",
    }
}

fn show(made: &KeyMade, connect: &Connect) -> Result<(), Failure> {
    if connect.json {
        return output::json(made);
    }
    let key = &made.key;
    output::facts(&[
        ("access key id", key.access_key_id.clone()),
        ("secret access key", made.secret_access_key.clone()),
        ("tenant", key.tenant.clone()),
        ("user", output::or_dash(key.user.as_deref())),
        ("buckets", key.buckets.as_ref().map_or_else(|| "all".to_owned(), |b| b.join(","))),
        ("rights", rights(key).to_owned()),
        ("expires", output::or_dash(key.expires.as_deref())),
    ]);
    say!("\nThe secret is shown this once: keep it now.");
    Ok(())
}
