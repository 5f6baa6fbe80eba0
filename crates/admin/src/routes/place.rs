//! Where objects lie.

use axum::Json;
use axum::extract::State;

use super::Admin;
use super::body::Asked;
use crate::auth::Reader;
use crate::fault::{ErrorBody, Fault};
use crate::model::{Where, WhereAsk};

/// Where the bytes of an object lie: on which disks of which sites, and how many of these
/// may vanish.
#[utoipa::path(get, path = "/api/v1/where", tag = "cluster", params(WhereAsk),
    responses((status = 200, body = Where), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(super) async fn object_where(
    _: Reader,
    State(admin): State<Admin>,
    Asked(ask): Asked<WhereAsk>,
) -> Result<Json<Where>, Fault> {
    Ok(Json(admin.operations.object_where(&ask).await?))
}
