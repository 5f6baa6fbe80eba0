//! Administrators' logins.

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};

use super::Admin;
use super::body::Body;
use crate::auth::{LoginError, Peer, Reader};
use crate::fault::{ErrorBody, Fault, FaultKind};
use crate::limits;
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
            refused_log(&login.user, from, error);
            let kind = match error {
                LoginError::Wrong => FaultKind::Unauthenticated,
                LoginError::TooMany { .. } => FaultKind::TooMany,
            };
            let hint = "the first administrator's password is in the credentials file";
            Err(Fault::new(kind, error.to_string(), hint))
        }
    }
}

/// Writes down who was refused: a name as it was typed, cut and with its line ends
/// escaped, and from where.
pub fn refused_log(user: &str, from: Option<Peer>, error: LoginError) {
    let name: String = user.chars().take(limits::NAME_LOGGED_MAX).collect();
    let from =
        from.map_or_else(|| "the local socket".to_owned(), |Peer(address)| address.to_string());
    tracing::warn!(target: "audit", actor = ?name, from, action = "login", reason = %error, "refused");
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
