//! How much is stored.

use axum::Json;
use axum::extract::State;

use super::Admin;
use super::body::Asked;
use crate::auth::Reader;
use crate::fault::{ErrorBody, Fault};
use crate::model::{Page, Usage};

/// What is stored, by tenant and bucket; of one tenant if the query names it.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(Page),
    responses((status = 200, body = Usage), (status = 404, body = ErrorBody)))]
pub(super) async fn usage_show(
    _: Reader,
    State(admin): State<Admin>,
    Asked(page): Asked<Page>,
) -> Result<Json<Usage>, Fault> {
    Ok(Json(admin.operations.usage(page.tenant.as_deref()).await?))
}
