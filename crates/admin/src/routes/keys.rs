//! Access keys of a tenant.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::{Asked, Body};
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::limits::BUCKETS_IN_SCOPE_MAX;
use crate::model::{Key, KeyMade, KeyNew, List, Page};

/// Access keys of a tenant by id, without their secrets.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/keys", tag = "keys",
    params(("tenant" = String, Path, description = "The tenant's name"), Page),
    responses((status = 200, body = List<Key>), (status = 404, body = ErrorBody)))]
pub(super) async fn keys_list(
    _: Reader,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<List<Key>>, Fault> {
    Ok(Json(admin.operations.keys_list(&tenant, &page).await?))
}

/// Makes an access key; its secret is in the answer and never shown again.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/keys", tag = "keys",
    params(("tenant" = String, Path, description = "The tenant's name")), request_body = KeyNew,
    responses((status = 201, body = KeyMade), (status = 404, body = ErrorBody)))]
pub(super) async fn key_create(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Body(new): Body<KeyNew>,
) -> Result<(StatusCode, Json<KeyMade>), Fault> {
    if new.buckets.as_ref().is_some_and(|buckets| buckets.len() > BUCKETS_IN_SCOPE_MAX) {
        return Err(Fault::invalid(
            format!("a key may name at most {BUCKETS_IN_SCOPE_MAX} buckets"),
            "use a bucket policy instead",
        ));
    }
    let made = admin.operations.key_create(&tenant, new).await;
    let id = made.as_ref().map_or("", |made| made.key.access_key_id.as_str());
    audit(who.caller(), "key create", &format!("{tenant}/{id}"), &made);
    Ok((StatusCode::CREATED, Json(made?)))
}

/// Revokes an access key.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/keys/{key}", tag = "keys",
    params(("tenant" = String, Path, description = "The tenant's name"),
        ("key" = String, Path, description = "The access key's id")),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn key_revoke(
    who: Manager,
    State(admin): State<Admin>,
    Path((tenant, key)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let done = admin.operations.key_revoke(&tenant, &key).await;
    audit(who.caller(), "key revoke", &format!("{tenant}/{key}"), &done);
    done.map(|()| StatusCode::NO_CONTENT)
}
