//! Buckets, of all tenants.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::{Asked, Body};
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{Bucket, BucketNew, BucketQuota, BucketSseC, List, Page};

/// Buckets by name, of one tenant if the query says so.
#[utoipa::path(get, path = "/api/v1/buckets", tag = "buckets", params(Page),
    responses((status = 200, body = List<Bucket>)))]
pub(super) async fn buckets_list(
    _: Reader,
    State(admin): State<Admin>,
    Asked(page): Asked<Page>,
) -> Result<Json<List<Bucket>>, Fault> {
    Ok(Json(admin.operations.buckets_list(&page).await?))
}

/// Creates a bucket.
#[utoipa::path(post, path = "/api/v1/buckets", tag = "buckets", request_body = BucketNew,
    responses((status = 201, body = Bucket), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn bucket_create(
    who: Manager,
    State(admin): State<Admin>,
    Body(new): Body<BucketNew>,
) -> Result<(StatusCode, Json<Bucket>), Fault> {
    let name = new.name.clone();
    let made = admin.operations.bucket_create(new).await;
    audit(who.caller(), "bucket create", &name, &made);
    Ok((StatusCode::CREATED, Json(made?)))
}

/// One bucket.
#[utoipa::path(get, path = "/api/v1/buckets/{bucket}", tag = "buckets",
    params(("bucket" = String, Path, description = "Its name")),
    responses((status = 200, body = Bucket), (status = 404, body = ErrorBody)))]
pub(super) async fn bucket_show(
    _: Reader,
    State(admin): State<Admin>,
    Path(bucket): Path<String>,
) -> Result<Json<Bucket>, Fault> {
    Ok(Json(admin.operations.bucket_show(&bucket).await?))
}

/// Removes an empty bucket.
#[utoipa::path(delete, path = "/api/v1/buckets/{bucket}", tag = "buckets",
    params(("bucket" = String, Path, description = "Its name")),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn bucket_delete(
    who: Manager,
    State(admin): State<Admin>,
    Path(bucket): Path<String>,
) -> Result<StatusCode, Fault> {
    let done = admin.operations.bucket_delete(&bucket).await;
    audit(who.caller(), "bucket delete", &bucket, &done);
    done.map(|()| StatusCode::NO_CONTENT)
}

/// Changes how much a bucket may hold.
#[utoipa::path(put, path = "/api/v1/buckets/{bucket}/quota", tag = "buckets",
    params(("bucket" = String, Path, description = "Its name")), request_body = BucketQuota,
    responses((status = 200, body = Bucket), (status = 404, body = ErrorBody)))]
pub(super) async fn bucket_quota_set(
    who: Manager,
    State(admin): State<Admin>,
    Path(bucket): Path<String>,
    Body(quota): Body<BucketQuota>,
) -> Result<Json<Bucket>, Fault> {
    let done = admin.operations.bucket_quota_set(&bucket, quota).await;
    audit(who.caller(), "bucket quota", &bucket, &done);
    done.map(Json)
}

/// Says whether clients may bring keys of their own (SSE-C).
#[utoipa::path(put, path = "/api/v1/buckets/{bucket}/sse-c", tag = "buckets",
    params(("bucket" = String, Path, description = "Its name")), request_body = BucketSseC,
    responses((status = 200, body = Bucket), (status = 404, body = ErrorBody)))]
pub(super) async fn bucket_sse_c_set(
    who: Manager,
    State(admin): State<Admin>,
    Path(bucket): Path<String>,
    Body(new): Body<BucketSseC>,
) -> Result<Json<Bucket>, Fault> {
    let done = admin.operations.bucket_sse_c_set(&bucket, new.allowed).await;
    audit(who.caller(), "bucket sse-c", &bucket, &done);
    done.map(Json)
}
