//! Named keys of a tenant.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::{Asked, Body};
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{KmsKey, KmsKeyNew, List, Page};

/// Named keys of a tenant by name; never the keys themselves.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/kms-keys", tag = "kms-keys",
    params(("tenant" = String, Path, description = "The tenant's name"), Page),
    responses((status = 200, body = List<KmsKey>), (status = 404, body = ErrorBody)))]
pub(super) async fn kms_keys_list(
    _: Reader,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<List<KmsKey>>, Fault> {
    Ok(Json(admin.operations.kms_keys_list(&tenant, &page).await?))
}

/// Makes a named key that S3 clients of the tenant's buckets may name (SSE-KMS).
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/kms-keys", tag = "kms-keys",
    params(("tenant" = String, Path, description = "The tenant's name")),
    request_body = KmsKeyNew,
    responses((status = 201, body = KmsKey), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn kms_key_create(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Body(new): Body<KmsKeyNew>,
) -> Result<(StatusCode, Json<KmsKey>), Fault> {
    let subject = format!("{tenant}/{}", new.name);
    let made = admin.operations.kms_key_create(&tenant, new).await;
    audit(who.caller(), "kms-key create", &subject, &made);
    Ok((StatusCode::CREATED, Json(made?)))
}
