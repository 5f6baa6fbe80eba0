//! A copy of the catalog.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{Admin, audit};
use crate::auth::Archivist;
use crate::fault::{ErrorBody, Fault};

/// The catalog, whole and consistent, as one stream. Keys in it are wrapped:
/// without the root key it opens nothing.
#[utoipa::path(get, path = "/api/v1/backup/catalog", tag = "node",
    responses((status = 200, content_type = "application/octet-stream"),
        (status = 503, body = ErrorBody)))]
pub(super) async fn backup_catalog(
    who: Archivist,
    State(admin): State<Admin>,
) -> Result<Response, Fault> {
    let body = admin.operations.backup_catalog().await;
    audit(who.caller(), "backup catalog", "", &body);
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], body?).into_response())
}
