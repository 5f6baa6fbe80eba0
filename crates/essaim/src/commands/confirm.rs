//! `essaim confirm`.

use admin::model::{Confirmation, Matter};
use reqwest::Method;

use crate::cli::ConfirmVerb;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(verb: ConfirmVerb) -> Result<(), Failure> {
    let (matter, connect, said) = match verb {
        ConfirmVerb::Clock(connect) => (Matter::Clock, connect, "writes are taken again"),
        ConfirmVerb::Restore(connect) => {
            (Matter::Restore, connect, "what the catalog does not know will be removed")
        }
    };
    let word = Confirmation { matter };
    Client::new(&connect)?.send_empty(Method::POST, "/api/v1/confirmations", &word).await?;
    if connect.json {
        return output::json(&word);
    }
    println!("confirmed: {said}");
    Ok(())
}
