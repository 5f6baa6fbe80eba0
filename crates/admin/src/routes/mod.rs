//! The routes: each a translation between HTTP and [`Operations`].
//!
//! A handler and its line in the OpenAPI document are registered together
//! (`routes!`), so neither exists without the other.

mod administrators;
mod backup;
mod body;
mod buckets;
mod confirm;
mod disks;
mod invites;
mod keys;
mod kms_keys;
mod login;
mod place;
mod policies;
mod rotations;
mod scrub;
mod sites;
mod status;
mod tenants;
mod tokens;
mod usage;
mod users;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Json, Router, middleware};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use login::refused_log as login_refused_log;

use crate::auth::{Accounts, Caller, Transport, authenticate};
use crate::fault::{Fault, FaultKind};
use crate::limits;
use crate::model::date_text;
use crate::operations::Operations;

/// What the routes need; clones share it.
#[derive(Clone)]
pub struct Admin {
    /// The node.
    pub operations: Arc<dyn Operations>,
    /// Who may ask.
    pub accounts: Arc<Accounts>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Essaim administration",
        description = "Tenants, users, access keys, buckets, usage, disks, scrub and backup of one node, and the sites of its cluster.",
        license(name = "EUPL-1.2", identifier = "EUPL-1.2")
    ),
    security(("token" = []))
)]
struct Document;

/// The routes about what all nodes share: each is answered from the newest there is, at
/// whichever node it is asked.
fn shared() -> OpenApiRouter<Admin> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(tenants::tenants_list, tenants::tenant_create))
        .routes(routes!(tenants::tenant_show, tenants::tenant_delete))
        .routes(routes!(tenants::tenant_suspend))
        .routes(routes!(tenants::tenant_resume))
        .routes(routes!(tenants::tenant_quota_set))
        .routes(routes!(users::users_list, users::user_create))
        .routes(routes!(users::user_delete))
        .routes(routes!(keys::keys_list, keys::key_create))
        .routes(routes!(keys::key_revoke))
        .routes(routes!(kms_keys::kms_keys_list, kms_keys::kms_key_create))
        .routes(routes!(buckets::buckets_list, buckets::bucket_create))
        .routes(routes!(buckets::bucket_show, buckets::bucket_delete))
        .routes(routes!(buckets::bucket_quota_set))
        .routes(routes!(buckets::bucket_sse_c_set))
        .routes(routes!(usage::usage_show))
        .routes(routes!(disks::disk_forget))
        .routes(routes!(invites::invites_list, invites::invite_create))
        .routes(routes!(invites::invite_revoke))
        .routes(routes!(sites::site_show))
        .routes(routes!(sites::site_evidence))
        .routes(routes!(sites::site_set))
        .routes(routes!(sites::site_drain))
        .routes(routes!(sites::site_remove))
        .routes(routes!(sites::site_replace))
        .routes(routes!(place::object_where))
        .routes(routes!(policies::policies_list))
        .routes(routes!(policies::policy_show, policies::policy_set, policies::policy_remove))
        .routes(routes!(policies::policy_check))
        .routes(routes!(policies::policy_explain))
        .routes(routes!(rotations::rotations_list, rotations::rotation_start))
        .routes(routes!(rotations::tenant_shred))
        .routes(routes!(rotations::passphrase_set))
}

/// The routes about this node, which answers them as it is: also when the others are not
/// there. What it says of them tells whether it is the newest.
fn own() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(status::status_show))
        .routes(routes!(scrub::scrub_show, scrub::scrub_start))
        .routes(routes!(disks::disks_list))
        .routes(routes!(sites::sites_list))
        .routes(routes!(confirm::confirm))
        .routes(routes!(backup::backup_catalog))
        .routes(routes!(tokens::tokens_list, tokens::token_create))
        .routes(routes!(tokens::token_revoke))
        .routes(routes!(administrators::password_reset))
        .routes(routes!(login::logout))
}

/// The routes that need a caller.
fn guarded() -> OpenApiRouter<Admin> {
    shared().merge(own())
}

/// The routes anybody may try.
fn open() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(login::login))
}

/// The OpenAPI 3.1 document of all routes.
pub fn openapi_document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = guarded().split_for_parts();
    let (_, public) = open().split_for_parts();
    document.merge(public);
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document
}

/// All routes, for requests that arrive over `transport`.
pub fn router(admin: Admin, transport: Transport) -> Router {
    let (shared, _) = shared().split_for_parts();
    let (own, _) = own().split_for_parts();
    let (open, _) = open().split_for_parts();
    let document = openapi_document();
    shared
        .route_layer(middleware::from_fn_with_state(admin.clone(), caught_up))
        .merge(own)
        .route_layer(middleware::from_fn_with_state(admin.clone(), authenticate))
        .merge(open)
        .route("/api/openapi.json", get(move || async move { Json(document) }))
        .method_not_allowed_fallback(wrong_verb)
        .layer(Extension(transport))
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES_MAX))
        .with_state(admin)
}

/// Lets a request on once this node knows everything that was done before. One that is cut
/// off from the other sites answers what only reads as of then, and says so.
async fn caught_up(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let Err(fault) = admin.operations.catch_up().await else { return next.run(request).await };
    match admin.operations.cut_off_since() {
        Some(since) if request.method() == Method::GET => {
            let mut answer = next.run(request).await;
            if let Ok(since) = HeaderValue::from_str(&date_text(since)) {
                answer.headers_mut().insert(CUT_OFF_SINCE, since);
            }
            answer
        }
        _ => fault.into_response(),
    }
}

async fn wrong_verb() -> Fault {
    Fault::invalid("this address does not take this verb", "see what it takes in /api/openapi.json")
}

/// Of an answer by a node that is cut off from the other sites: since when.
pub const CUT_OFF_SINCE: &str = "x-essaim-cut-off-since";

/// One line in the log for each change that was made or refused.
fn audit<T>(caller: &Caller, action: &str, subject: &str, outcome: &Result<T, Fault>) {
    let actor = caller.name();
    match outcome {
        Ok(_) => tracing::info!(target: "audit", actor, action, subject, "done"),
        Err(fault) if fault.kind == FaultKind::Internal => {
            tracing::error!(target: "audit", actor, action, subject, reason = %fault, "failed");
        }
        Err(fault) => {
            tracing::info!(target: "audit", actor, action, subject, reason = %fault, "refused");
        }
    }
}
