//! The scrub.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::Fault;
use crate::model::Scrub;

/// The running scrub, or the last one.
#[utoipa::path(get, path = "/api/v1/scrub", tag = "node",
    responses((status = 200, body = Scrub)))]
pub(super) async fn scrub_show(
    _: Reader,
    State(admin): State<Admin>,
) -> Result<Json<Scrub>, Fault> {
    Ok(Json(admin.operations.scrub_show().await?))
}

/// Starts a scrub now, unless one runs.
#[utoipa::path(post, path = "/api/v1/scrub", tag = "node",
    responses((status = 202, body = Scrub)))]
pub(super) async fn scrub_start(
    who: Manager,
    State(admin): State<Admin>,
) -> Result<(StatusCode, Json<Scrub>), Fault> {
    let started = admin.operations.scrub_start().await;
    audit(who.caller(), "scrub start", "", &started);
    Ok((StatusCode::ACCEPTED, Json(started?)))
}
