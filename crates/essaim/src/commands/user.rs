//! `essaim user`.

use admin::model::{User, UserNew};
use reqwest::Method;

use super::all;
use crate::cli::UserVerb;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) async fn run(verb: UserVerb) -> Result<(), Failure> {
    match verb {
        UserVerb::Create { name, of } => {
            let client = Client::new(&of.connect)?;
            let new = UserNew { name };
            let made: User = client.send_json(Method::POST, &path(&of.tenant), &new).await?;
            if of.connect.json {
                return output::json(&made);
            }
            output::facts(&[
                ("user", made.name),
                ("id", made.id),
                ("tenant", made.tenant),
                ("created", made.created),
            ]);
            Ok(())
        }
        UserVerb::List(of) => {
            let users: Vec<User> = all(&Client::new(&of.connect)?, &path(&of.tenant)).await?;
            if of.connect.json {
                return output::json(&users);
            }
            let mut table = Table::new(&["NAME", "ID", "CREATED"]);
            for user in users {
                table.row([user.name, user.id, user.created]);
            }
            table.print("no user yet: make one with: essaim user create NAME --tenant T");
            Ok(())
        }
        UserVerb::Delete { name, of } => {
            let place = format!("{}/{}", path(&of.tenant), segment(&name));
            Client::new(&of.connect)?.delete(&place).await?;
            super::deleted("user", &name, &of.connect)
        }
    }
}

fn path(tenant: &str) -> String {
    format!("/api/v1/tenants/{}/users", segment(tenant))
}
