//! The decision.

use crate::{Ask, Authorised, Caller, Denied, DenyReason};

/// Decides. An explicit deny wins; what nothing allows is denied.
pub fn decide(caller: &Caller, ask: &Ask<'_>) -> Result<Authorised, Denied> {
    let Some(_identity) = caller.identity() else { return Err(DenyReason::Anonymous.into()) };
    Ok(Authorised::new(
        caller.clone(),
        ask.action,
        ask.bucket_name.map(str::to_owned),
        ask.key.map(str::to_owned),
        ask.bucket.map(|bucket| bucket.owner),
    ))
}
