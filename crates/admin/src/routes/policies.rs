//! Placement policies.

use axum::Json;
use axum::extract::State;

use super::body::{Asked, Body, Tongue};
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{
    PolicyCheck, PolicyCheckAsk, PolicyExplainAsk, PolicyExplanation, PolicyListed, PolicyOf,
    PolicyShown, PolicyText,
};

/// The policies that were set, for buckets, tenants and the cluster.
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies",
    params(("Accept-Language" = Option<String>, Header, description = "fr or en")),
    responses((status = 200, body = Vec<PolicyListed>), (status = 500, body = ErrorBody)))]
pub(super) async fn policies_list(
    _: Reader,
    State(admin): State<Admin>,
    Tongue(language): Tongue,
) -> Result<Json<Vec<PolicyListed>>, Fault> {
    Ok(Json(admin.operations.policies_list(language).await?))
}

/// The policy in force for a bucket, a tenant or, without both, the cluster; where it comes
/// from, and what it guarantees today.
#[utoipa::path(get, path = "/api/v1/policy", tag = "policies",
    params(PolicyOf, ("Accept-Language" = Option<String>, Header, description = "fr or en")),
    responses((status = 200, body = PolicyShown), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(super) async fn policy_show(
    _: Reader,
    State(admin): State<Admin>,
    Tongue(language): Tongue,
    Asked(of): Asked<PolicyOf>,
) -> Result<Json<PolicyShown>, Fault> {
    Ok(Json(admin.operations.policy_show(&of, language).await?))
}

/// Sets a policy. One that the sites there are cannot keep is refused, unless it says that
/// it is to be set all the same.
#[utoipa::path(put, path = "/api/v1/policy", tag = "policies", request_body = PolicyText,
    params(PolicyOf, ("Accept-Language" = Option<String>, Header, description = "fr or en")),
    responses((status = 200, body = PolicyShown), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "no set of sites can keep it", body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn policy_set(
    who: Manager,
    State(admin): State<Admin>,
    Tongue(language): Tongue,
    Asked(of): Asked<PolicyOf>,
    Body(text): Body<PolicyText>,
) -> Result<Json<PolicyShown>, Fault> {
    let done = admin.operations.policy_set(&of, text, language).await;
    audit(who.caller(), "policy set", &subject(&of), &done);
    Ok(Json(done?))
}

/// Removes a policy; what holds then is the tenant's, the cluster's or the default.
#[utoipa::path(delete, path = "/api/v1/policy", tag = "policies",
    params(PolicyOf, ("Accept-Language" = Option<String>, Header, description = "fr or en")),
    responses((status = 200, body = PolicyShown), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn policy_remove(
    who: Manager,
    State(admin): State<Admin>,
    Tongue(language): Tongue,
    Asked(of): Asked<PolicyOf>,
) -> Result<Json<PolicyShown>, Fault> {
    let done = admin.operations.policy_remove(&of, language).await;
    audit(who.caller(), "policy remove", &subject(&of), &done);
    Ok(Json(done?))
}

/// Whether a policy can be read, and kept by the sites there are; nothing is changed.
#[utoipa::path(post, path = "/api/v1/policy-check", tag = "policies",
    request_body = PolicyCheckAsk,
    params(("Accept-Language" = Option<String>, Header, description = "fr or en")),
    responses((status = 200, body = PolicyCheck), (status = 404, body = ErrorBody)))]
pub(super) async fn policy_check(
    _: Reader,
    State(admin): State<Admin>,
    Tongue(language): Tongue,
    Body(ask): Body<PolicyCheckAsk>,
) -> Result<Json<PolicyCheck>, Fault> {
    Ok(Json(admin.operations.policy_check(&ask, language).await?))
}

/// What the policy of a bucket says of each site, and where an object goes now; of an
/// object, whether it lies as the policy wants it.
#[utoipa::path(get, path = "/api/v1/policy-explanation", tag = "policies",
    params(PolicyExplainAsk, ("Accept-Language" = Option<String>, Header, description = "fr or en")),
    responses((status = 200, body = PolicyExplanation), (status = 404, body = ErrorBody)))]
pub(super) async fn policy_explain(
    _: Reader,
    State(admin): State<Admin>,
    Tongue(language): Tongue,
    Asked(ask): Asked<PolicyExplainAsk>,
) -> Result<Json<PolicyExplanation>, Fault> {
    Ok(Json(admin.operations.policy_explain(&ask, language).await?))
}

/// For whom, in the log.
fn subject(of: &PolicyOf) -> String {
    match (&of.tenant, &of.bucket) {
        (_, Some(bucket)) => format!("bucket {bucket}"),
        (Some(tenant), None) => format!("tenant {tenant}"),
        (None, None) => "cluster".to_owned(),
    }
}
