//! Administrators.

use axum::Json;
use axum::extract::{Path, State};

use super::tokens::account_fault;
use super::{Admin, audit};
use crate::auth::Manager;
use crate::fault::{ErrorBody, Fault};
use crate::model::PasswordMade;

/// Gives an administrator a fresh password, creating them if need be, and ends
/// their sessions. The password is in the answer and never shown again.
#[utoipa::path(post, path = "/api/v1/administrators/{administrator}/password", tag = "session",
    params(("administrator" = String, Path, description = "Their name")),
    responses((status = 200, body = PasswordMade), (status = 400, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
pub(super) async fn password_reset(
    who: Manager,
    State(admin): State<Admin>,
    Path(administrator): Path<String>,
) -> Result<Json<PasswordMade>, Fault> {
    who.check_all()?;
    let made = admin.accounts.administrator_reset(&administrator).map_err(account_fault);
    audit(who.caller(), "administrator password", &administrator, &made);
    Ok(Json(PasswordMade { user: administrator, password: made? }))
}
