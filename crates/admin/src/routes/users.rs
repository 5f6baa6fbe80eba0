//! Users of a tenant.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::{Asked, Body};
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{List, Page, User, UserNew};

/// Users of a tenant by name.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/users", tag = "users",
    params(("tenant" = String, Path, description = "The tenant's name"), Page),
    responses((status = 200, body = List<User>), (status = 404, body = ErrorBody)))]
pub(super) async fn users_list(
    _: Reader,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<List<User>>, Fault> {
    Ok(Json(admin.operations.users_list(&tenant, &page).await?))
}

/// Creates a user.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/users", tag = "users",
    params(("tenant" = String, Path, description = "The tenant's name")), request_body = UserNew,
    responses((status = 201, body = User), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn user_create(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Body(new): Body<UserNew>,
) -> Result<(StatusCode, Json<User>), Fault> {
    let subject = format!("{tenant}/{}", new.name);
    let made = admin.operations.user_create(&tenant, new).await;
    audit(who.caller(), "user create", &subject, &made);
    Ok((StatusCode::CREATED, Json(made?)))
}

/// Removes a user and revokes its keys.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/users/{user}", tag = "users",
    params(("tenant" = String, Path, description = "The tenant's name"),
        ("user" = String, Path, description = "The user's name")),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn user_delete(
    who: Manager,
    State(admin): State<Admin>,
    Path((tenant, user)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let done = admin.operations.user_delete(&tenant, &user).await;
    audit(who.caller(), "user delete", &format!("{tenant}/{user}"), &done);
    done.map(|()| StatusCode::NO_CONTENT)
}
