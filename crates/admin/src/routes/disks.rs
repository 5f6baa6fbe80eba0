//! Disks.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{Disk, List};

/// The disks that the node has, or expects, and what lies on each. All parts of the
/// catalog are looked at for that.
#[utoipa::path(get, path = "/api/v1/disks", tag = "node",
    responses((status = 200, body = List<Disk>)))]
pub(super) async fn disks_list(
    _: Reader,
    State(admin): State<Admin>,
) -> Result<Json<List<Disk>>, Fault> {
    let items = admin.operations.disks_list().await?;
    Ok(Json(List { items, next: None }))
}

/// Forgets a disk that is missing for good and on which nothing has its place any more.
#[utoipa::path(delete, path = "/api/v1/disks/{disk}", tag = "node",
    params(("disk" = String, Path, description = "Its id")),
    responses((status = 200, body = Disk, description = "as it was known"),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, description = "it is there, or something still has its place on it", body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn disk_forget(
    who: Manager,
    State(admin): State<Admin>,
    Path(disk): Path<String>,
) -> Result<(StatusCode, Json<Disk>), Fault> {
    let done = admin.operations.disk_forget(&disk).await;
    audit(who.caller(), "disk forget", &disk, &done);
    Ok((StatusCode::OK, Json(done?)))
}
