//! The status of the node.

use axum::Json;
use axum::extract::State;

use crate::auth::Reader;
use crate::fault::Fault;
use crate::model::Status;
use crate::routes::Admin;

/// What runs, how full, how healthy.
#[utoipa::path(get, path = "/api/v1/status", tag = "node",
    responses((status = 200, body = Status)))]
pub(super) async fn status_show(
    _: Reader,
    State(admin): State<Admin>,
) -> Result<Json<Status>, Fault> {
    Ok(Json(admin.operations.status().await?))
}
