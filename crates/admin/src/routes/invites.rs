//! Invitations.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::Body;
use super::{Admin, audit};
use crate::auth::{Manager, Reader};
use crate::fault::{ErrorBody, Fault};
use crate::model::{Invite, InviteMade, InviteNew, List};

/// Invitations, open or not, without their tokens.
#[utoipa::path(get, path = "/api/v1/invites", tag = "cluster",
    responses((status = 200, body = List<Invite>)))]
pub(super) async fn invites_list(
    _: Reader,
    State(admin): State<Admin>,
) -> Result<Json<List<Invite>>, Fault> {
    let items = admin.operations.invites_list().await?;
    Ok(Json(List { items, next: None }))
}

/// Makes an invitation; its token is in the answer and never shown again. Whoever joins
/// by it gets the root key, so it takes every scope to make one.
#[utoipa::path(post, path = "/api/v1/invites", tag = "cluster", request_body = InviteNew,
    responses((status = 201, body = InviteMade), (status = 400, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn invite_create(
    who: Manager,
    State(admin): State<Admin>,
    Body(new): Body<InviteNew>,
) -> Result<(StatusCode, Json<InviteMade>), Fault> {
    let made = match who.check_all() {
        Ok(()) => admin.operations.invite_create(new, who.caller().name()).await,
        Err(fault) => Err(fault),
    };
    let id = made.as_ref().map_or("", |made| made.invite.id.as_str());
    audit(who.caller(), "invite create", id, &made);
    Ok((StatusCode::CREATED, Json(made?)))
}

/// Takes back an invitation that nobody has used.
#[utoipa::path(delete, path = "/api/v1/invites/{invite}", tag = "cluster",
    params(("invite" = String, Path, description = "Its id")),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn invite_revoke(
    who: Manager,
    State(admin): State<Admin>,
    Path(invite): Path<String>,
) -> Result<StatusCode, Fault> {
    let done = admin.operations.invite_revoke(&invite).await;
    audit(who.caller(), "invite revoke", &invite, &done);
    done.map(|()| StatusCode::NO_CONTENT)
}
