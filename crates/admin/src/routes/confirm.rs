//! An operator's word.

use axum::extract::State;
use axum::http::StatusCode;

use super::body::Body;
use super::{Admin, audit};
use crate::auth::Manager;
use crate::fault::{ErrorBody, Fault};
use crate::model::Confirmation;

/// Confirms what the node asks to have confirmed; see `unconfirmed` in its status.
#[utoipa::path(post, path = "/api/v1/confirmations", tag = "node",
    request_body = Confirmation,
    responses((status = 204), (status = 400, body = ErrorBody),
        (status = 409, description = "nothing waits, or the clock says something else by now", body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn confirm(
    who: Manager,
    State(admin): State<Admin>,
    Body(word): Body<Confirmation>,
) -> Result<StatusCode, Fault> {
    let subject = word.matter.word();
    let done = admin.operations.confirm(word).await;
    audit(who.caller(), "confirm", subject, &done);
    done.map(|()| StatusCode::NO_CONTENT)
}
