//! Tokens of the API.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::Body;
use super::{Admin, audit};
use crate::auth::{AccountError, Manager, Reader};
use crate::fault::{ErrorBody, Fault, FaultKind};
use crate::model::{List, Scope, Token, TokenMade, TokenNew};

/// Tokens, oldest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens",
    responses((status = 200, body = List<Token>)))]
pub(super) async fn tokens_list(_: Reader, State(admin): State<Admin>) -> Json<List<Token>> {
    Json(List { items: admin.accounts.tokens(), next: None })
}

/// Makes a token with no more than its maker's scopes; its secret is in the
/// answer and never shown again.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = TokenNew,
    responses((status = 201, body = TokenMade), (status = 400, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
pub(super) async fn token_create(
    who: Manager,
    State(admin): State<Admin>,
    Body(new): Body<TokenNew>,
) -> Result<(StatusCode, Json<TokenMade>), Fault> {
    let missing = |scope: &&Scope| !who.caller().may(**scope);
    let made = match new.scopes.iter().find(missing) {
        Some(_) => Err(Fault::new(
            FaultKind::Forbidden,
            "a token cannot give more than its maker has",
            "ask for fewer scopes, or ask an administrator",
        )),
        None => admin.accounts.token_create(&new).map_err(account_fault),
    };
    audit(who.caller(), "token create", &new.name, &made);
    Ok((StatusCode::CREATED, Json(made?)))
}

/// Revokes a token.
#[utoipa::path(delete, path = "/api/v1/tokens/{token}", tag = "tokens",
    params(("token" = String, Path, description = "The token's id")),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn token_revoke(
    who: Manager,
    State(admin): State<Admin>,
    Path(token): Path<String>,
) -> Result<StatusCode, Fault> {
    let done = match admin.accounts.token_revoke(&token).map_err(account_fault) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Fault::not_found("token", &token, "essaim token list")),
        Err(fault) => Err(fault),
    };
    audit(who.caller(), "token revoke", &token, &done);
    done.map(|()| StatusCode::NO_CONTENT)
}

pub(super) fn account_fault(error: AccountError) -> Fault {
    match error {
        AccountError::Record(_) | AccountError::Save { .. } => Fault::new(
            FaultKind::Internal,
            error.to_string(),
            "see the log, and whether the data directory can be written",
        ),
        AccountError::TooMany { .. } => Fault::conflict(error.to_string(), "remove one first"),
        other => Fault::invalid(other.to_string(), "choose another"),
    }
}
