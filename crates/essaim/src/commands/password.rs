//! `essaim password`.

use admin::model::PasswordMade;

use crate::cli::Named;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(named: &Named) -> Result<(), Failure> {
    let client = Client::new(&named.connect)?;
    let place = format!("/api/v1/administrators/{}/password", segment(&named.name));
    let made: PasswordMade = client.post(&place).await?;
    if named.connect.json {
        return output::json(&made);
    }
    output::facts(&[("administrator", made.user), ("password", made.password)]);
    say!("\nThe password is shown this once: keep it now.");
    Ok(())
}
