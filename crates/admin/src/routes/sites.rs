//! The sites of the cluster.

use axum::Json;
use axum::extract::{Path, State};

use super::body::{Body, Tongue};
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{
    Site, SiteDrainSet, SiteEvidence, SiteFileText, SiteRemoveAsk, SiteRemoveStep, SiteReplaceAsk,
    Sites,
};

/// The sites of the cluster, as this node knows them now: which answer, which vote, how
/// full their disks are.
#[utoipa::path(get, path = "/api/v1/sites", tag = "cluster",
    responses((status = 200, body = Sites), (status = 500, body = ErrorBody)))]
pub(super) async fn sites_list(
    _: Reader,
    State(admin): State<Admin>,
) -> Result<Json<Sites>, Fault> {
    Ok(Json(admin.operations.sites_list().await?))
}

/// One site, by its name or the first digits of its id; signatures are checked for the
/// answer.
#[utoipa::path(get, path = "/api/v1/sites/{site}", tag = "cluster",
    params(("site" = String, Path, description = "Its name or id")),
    responses((status = 200, body = Site), (status = 404, body = ErrorBody)))]
pub(super) async fn site_show(
    _: Reader,
    State(admin): State<Admin>,
    Path(site): Path<String>,
) -> Result<Json<Site>, Fault> {
    Ok(Json(admin.operations.site_show(&site).await?))
}

/// What is kept of the signed answers of a site that was asked to prove what it keeps, by
/// its name or id; of one that has left, by its whole id.
#[utoipa::path(get, path = "/api/v1/sites/{site}/evidence", tag = "cluster",
    params(("site" = String, Path, description = "Its name or id")),
    responses((status = 200, body = SiteEvidence), (status = 404, body = ErrorBody)))]
pub(super) async fn site_evidence(
    _: Reader,
    State(admin): State<Admin>,
    Path(site): Path<String>,
) -> Result<Json<SiteEvidence>, Fault> {
    Ok(Json(admin.operations.site_evidence(&site).await?))
}

/// Stores what the site of this node says about itself, signed by this node. Faults of the
/// file are told in the language that is asked for.
#[utoipa::path(put, path = "/api/v1/site-statement", tag = "cluster", request_body = SiteFileText,
    params(("Accept-Language" = Option<String>, Header, description = "fr or en")),
    responses((status = 200, body = Site), (status = 400, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn site_set(
    who: Manager,
    State(admin): State<Admin>,
    Tongue(language): Tongue,
    Body(text): Body<SiteFileText>,
) -> Result<Json<Site>, Fault> {
    let done = admin.operations.site_set(&text.site_file, language).await;
    let name = done.as_ref().map_or("", |site| site.name.as_str());
    audit(who.caller(), "site set", name, &done);
    Ok(Json(done?))
}

/// Has a site emptied, or not any more.
#[utoipa::path(put, path = "/api/v1/sites/{site}/drain", tag = "cluster",
    params(("site" = String, Path, description = "Its name or id")), request_body = SiteDrainSet,
    responses((status = 200, body = Site), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn site_drain(
    who: Manager,
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Body(set): Body<SiteDrainSet>,
) -> Result<Json<Site>, Fault> {
    let done = admin.operations.site_drain(&site, set.draining).await;
    let action = if set.draining { "site drain" } else { "site drain --undo" };
    audit(who.caller(), action, &site, &done);
    Ok(Json(done?))
}

/// Takes a step towards removing a site; to be asked for until it was the last.
#[utoipa::path(post, path = "/api/v1/sites/{site}/removal", tag = "cluster",
    params(("site" = String, Path, description = "Its name or id")), request_body = SiteRemoveAsk,
    responses((status = 200, body = SiteRemoveStep), (status = 404, body = ErrorBody),
        (status = 409, description = "parts still lie there, or it is the only one", body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn site_remove(
    who: Manager,
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Body(ask): Body<SiteRemoveAsk>,
) -> Result<Json<SiteRemoveStep>, Fault> {
    let done = admin.operations.site_remove(&site, ask.lost).await;
    let action = if ask.lost { "site remove --lost" } else { "site remove" };
    audit(who.caller(), action, &site, &done);
    Ok(Json(done?))
}

/// Has a site take the place of another: the old one is emptied, or given up if it is lost,
/// to the new one first, and leaves the map by itself when nothing lies there.
#[utoipa::path(post, path = "/api/v1/sites/{site}/replacement", tag = "cluster",
    params(("site" = String, Path, description = "The old one's name or id")),
    request_body = SiteReplaceAsk,
    responses((status = 200, description = "the new site", body = Site),
        (status = 404, body = ErrorBody),
        (status = 409, description = "it cannot be, and why", body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn site_replace(
    who: Manager,
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Body(ask): Body<SiteReplaceAsk>,
) -> Result<Json<Site>, Fault> {
    let action = if ask.lost { "site replace --lost" } else { "site replace" };
    let done = admin.operations.site_replace(&site, ask).await;
    audit(who.caller(), action, &site, &done);
    Ok(Json(done?))
}
