//! Administrators' logins.

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};

use super::Admin;
use super::body::Body;
use crate::auth::{LoginError, Peer, Reader};
use crate::fault::{ErrorBody, Fault, FaultKind};
use crate::model::{Login, LoginMade};

/// Begins a session.
#[utoipa::path(post, path = "/api/v1/login", tag = "session", request_body = Login,
    security(()),
    responses((status = 200, body = LoginMade), (status = 401, body = ErrorBody),
        (status = 429, body = ErrorBody)))]
pub(super) async fn login(
    State(admin): State<Admin>,
    peer: Option<Extension<Peer>>,
    Body(login): Body<Login>,
) -> Result<Json<LoginMade>, Fault> {
    let from = peer.map(|Extension(peer)| peer);
    match admin.accounts.login(&login.user, &login.password, from).await {
        Ok(made) => {
            tracing::info!(target: "audit", actor = login.user, action = "login", "done");
            Ok(Json(made))
        }
        Err(error) => {
            tracing::warn!(target: "audit", action = "login", reason = %error, "refused");
            let kind = match error {
                LoginError::Wrong => FaultKind::Unauthenticated,
                LoginError::TooMany { .. } => FaultKind::TooMany,
            };
            let hint = "the first administrator's password is in the credentials file";
            Err(Fault::new(kind, error.to_string(), hint))
        }
    }
}

/// Ends the session whose token is sent.
#[utoipa::path(post, path = "/api/v1/logout", tag = "session", responses((status = 204)))]
pub(super) async fn logout(
    who: Reader,
    State(admin): State<Admin>,
    headers: HeaderMap,
) -> StatusCode {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((_, token)) = header.and_then(|value| value.split_once(' ')) {
        admin.accounts.logout(token.trim());
    }
    tracing::info!(target: "audit", actor = who.caller().name(), action = "logout", "done");
    StatusCode::NO_CONTENT
}
