//! The life of keys: rotation, destruction, passphrase.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::Body;
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{List, PassphraseSet, Rotation, RotationNew, ShredWord, Tenant};

/// Rotations under way and the last ones.
#[utoipa::path(get, path = "/api/v1/rotations", tag = "keys",
    responses((status = 200, body = List<Rotation>)))]
pub(super) async fn rotations_list(
    _: Reader,
    State(admin): State<Admin>,
) -> Result<Json<List<Rotation>>, Fault> {
    Ok(Json(List { items: admin.operations.rotations_list().await?, next: None }))
}

/// Begins the rotation of a key: it is wrapped anew, no data is written.
#[utoipa::path(post, path = "/api/v1/rotations", tag = "keys", request_body = RotationNew,
    responses((status = 202, body = Rotation), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn rotation_start(
    who: Manager,
    State(admin): State<Admin>,
    Body(new): Body<RotationNew>,
) -> Result<(StatusCode, Json<Rotation>), Fault> {
    let subject = new.name.clone().unwrap_or_else(|| "root key".to_owned());
    let begun = admin.operations.rotation_start(new).await;
    audit(who.caller(), "key rotate", &subject, &begun);
    Ok((StatusCode::ACCEPTED, Json(begun?)))
}

/// Destroys a tenant's key: nothing it stored can be read again, ever.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/shred", tag = "tenants",
    params(("tenant" = String, Path, description = "Its name")), request_body = ShredWord,
    responses((status = 200, body = Tenant), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn tenant_shred(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Body(word): Body<ShredWord>,
) -> Result<Json<Tenant>, Fault> {
    let done = if word.destroy_everything_of == tenant {
        admin.operations.tenant_shred(&tenant).await
    } else {
        Err(Fault::invalid(
            "destroy_everything_of is not the tenant's name",
            "give the name of the tenant whose data is to be destroyed for ever",
        ))
    };
    audit(who.caller(), "tenant shred", &tenant, &done);
    done.map(Json)
}

/// Sets, changes or takes away the passphrase that protects the root key.
#[utoipa::path(put, path = "/api/v1/root-key/passphrase", tag = "keys",
    request_body = PassphraseSet,
    responses((status = 204), (status = 400, body = ErrorBody)))]
pub(super) async fn passphrase_set(
    who: Manager,
    State(admin): State<Admin>,
    Body(set): Body<PassphraseSet>,
) -> Result<StatusCode, Fault> {
    let action = if set.passphrase.is_some() { "passphrase set" } else { "passphrase remove" };
    let done = admin.operations.passphrase_set(set.passphrase).await;
    audit(who.caller(), action, "root key", &done);
    done.map(|()| StatusCode::NO_CONTENT)
}
