//! Tenants.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::{Asked, Body};
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{List, Page, Tenant, TenantNew, TenantQuota};

/// Tenants by name.
#[utoipa::path(get, path = "/api/v1/tenants", tag = "tenants", params(Page),
    responses((status = 200, body = List<Tenant>)))]
pub(super) async fn tenants_list(
    _: Reader,
    State(admin): State<Admin>,
    Asked(page): Asked<Page>,
) -> Result<Json<List<Tenant>>, Fault> {
    Ok(Json(admin.operations.tenants_list(&page).await?))
}

/// Creates a tenant with its key.
#[utoipa::path(post, path = "/api/v1/tenants", tag = "tenants", request_body = TenantNew,
    responses((status = 201, body = Tenant), (status = 409, body = ErrorBody)))]
pub(super) async fn tenant_create(
    who: Manager,
    State(admin): State<Admin>,
    Body(new): Body<TenantNew>,
) -> Result<(StatusCode, Json<Tenant>), Fault> {
    let name = new.name.clone();
    let made = admin.operations.tenant_create(new).await;
    audit(who.caller(), "tenant create", &name, &made);
    Ok((StatusCode::CREATED, Json(made?)))
}

/// One tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}", tag = "tenants",
    params(("tenant" = String, Path, description = "Its name")),
    responses((status = 200, body = Tenant), (status = 404, body = ErrorBody)))]
pub(super) async fn tenant_show(
    _: Reader,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
) -> Result<Json<Tenant>, Fault> {
    Ok(Json(admin.operations.tenant_show(&tenant).await?))
}

/// Removes a tenant that owns no bucket any more.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}", tag = "tenants",
    params(("tenant" = String, Path, description = "Its name")),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn tenant_delete(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
) -> Result<StatusCode, Fault> {
    let done = admin.operations.tenant_delete(&tenant).await;
    audit(who.caller(), "tenant delete", &tenant, &done);
    done.map(|()| StatusCode::NO_CONTENT)
}

/// Refuses the tenant's requests; its data stays.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/suspend", tag = "tenants",
    params(("tenant" = String, Path, description = "Its name")),
    responses((status = 200, body = Tenant), (status = 404, body = ErrorBody)))]
pub(super) async fn tenant_suspend(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
) -> Result<Json<Tenant>, Fault> {
    let done = admin.operations.tenant_suspend(&tenant).await;
    audit(who.caller(), "tenant suspend", &tenant, &done);
    done.map(Json)
}

/// Serves the tenant again.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/resume", tag = "tenants",
    params(("tenant" = String, Path, description = "Its name")),
    responses((status = 200, body = Tenant), (status = 404, body = ErrorBody)))]
pub(super) async fn tenant_resume(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
) -> Result<Json<Tenant>, Fault> {
    let done = admin.operations.tenant_resume(&tenant).await;
    audit(who.caller(), "tenant resume", &tenant, &done);
    done.map(Json)
}

/// Changes how much the tenant may store.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/quota", tag = "tenants",
    params(("tenant" = String, Path, description = "Its name")), request_body = TenantQuota,
    responses((status = 200, body = Tenant), (status = 404, body = ErrorBody)))]
pub(super) async fn tenant_quota_set(
    who: Manager,
    State(admin): State<Admin>,
    Path(tenant): Path<String>,
    Body(quota): Body<TenantQuota>,
) -> Result<Json<Tenant>, Fault> {
    let done = admin.operations.tenant_quota_set(&tenant, quota).await;
    audit(who.caller(), "tenant quota", &tenant, &done);
    done.map(Json)
}
