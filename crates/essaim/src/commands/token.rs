//! `essaim token`.

use admin::model::{Scope, Token, TokenMade, TokenNew};
use reqwest::Method;

use super::all;
use crate::cli::TokenVerb;
use crate::client::{Client, segment};
use crate::failure::{Failure, Kind};
use crate::output::{self, Table};

pub(super) async fn run(verb: TokenVerb) -> Result<(), Failure> {
    match verb {
        TokenVerb::Create { name, scopes, expires, connect } => {
            let scopes = scopes.iter().map(|scope| parse(scope)).collect::<Result<_, _>>()?;
            let new = TokenNew { name, scopes, expires_in_seconds: expires };
            let client = Client::new(&connect)?;
            let made: TokenMade = client.send_json(Method::POST, "/api/v1/tokens", &new).await?;
            if connect.json {
                return output::json(&made);
            }
            output::facts(&[
                ("token", made.secret),
                ("id", made.token.id),
                ("scopes", words(&made.token.scopes)),
                ("expires", output::or_dash(made.token.expires.as_deref())),
            ]);
            say!("\nThe token is shown this once: keep it now.");
            Ok(())
        }
        TokenVerb::List(connect) => {
            let tokens: Vec<Token> = all(&Client::new(&connect)?, "/api/v1/tokens").await?;
            if connect.json {
                return output::json(&tokens);
            }
            let mut table = Table::new(&["NAME", "ID", "SCOPES", "CREATED", "EXPIRES"]);
            for token in tokens {
                table.row([
                    token.name,
                    token.id,
                    words(&token.scopes),
                    token.created,
                    output::or_dash(token.expires.as_deref()),
                ]);
            }
            table.print("no token yet: make one with: essaim token create NAME");
            Ok(())
        }
        TokenVerb::Revoke { id, connect } => {
            Client::new(&connect)?.delete(&format!("/api/v1/tokens/{}", segment(&id))).await?;
            super::deleted("token", &id, &connect)
        }
    }
}

fn parse(word: &str) -> Result<Scope, Failure> {
    match word {
        "read" => Ok(Scope::Read),
        "manage" => Ok(Scope::Manage),
        "backup" => Ok(Scope::Backup),
        other => Err(Failure::new(
            Kind::Usage,
            format!("there is no scope {other:?}"),
            "the scopes are read, manage and backup",
        )),
    }
}

fn words(scopes: &[Scope]) -> String {
    let word = |scope: &Scope| match scope {
        Scope::Read => "read",
        Scope::Manage => "manage",
        Scope::Backup => "backup",
    };
    scopes.iter().map(word).collect::<Vec<_>>().join(",")
}
