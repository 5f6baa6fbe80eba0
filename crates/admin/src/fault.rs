//! What an operator is told when something cannot be done.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// The kinds of refusal; each has one HTTP status and one word in `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The request itself is wrong.
    Invalid,
    /// Nobody has proved who asks.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It exists already, or is not empty, or is in the wrong state.
    Conflict,
    /// Too many tries; wait.
    TooMany,
    /// The node cannot do it now.
    Unavailable,
    /// A defect or a failing machine; the log says more.
    Internal,
}

impl FaultKind {
    /// The word in the answer's `error`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooMany => "too_many_requests",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A refusal in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of refusal.
    pub kind: FaultKind,
    /// What is the matter, one sentence without a full stop.
    pub message: String,
    /// What the operator can do about it.
    pub what_to_do: String,
}

impl Fault {
    /// A refusal of this kind.
    pub fn new(kind: FaultKind, message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { kind, message: message.into(), what_to_do: what_to_do.into() }
    }

    /// The request itself is wrong.
    pub fn invalid(message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self::new(FaultKind::Invalid, message, what_to_do)
    }

    /// There is no such thing; `list` is the command that shows what there is.
    pub fn not_found(noun: &str, name: &str, list: &str) -> Self {
        Self::new(
            FaultKind::NotFound,
            format!("there is no {noun} {name:?}"),
            format!("see what there is with: {list}"),
        )
    }

    /// It exists already, is not empty, or is in the wrong state.
    pub fn conflict(message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self::new(FaultKind::Conflict, message, what_to_do)
    }
}

/// A refusal as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The kind of refusal, one word for programs.
    #[schema(example = "not_found")]
    pub error: String,
    /// What is the matter, for people.
    #[schema(example = "there is no tenant \"mairie\"")]
    pub message: String,
    /// What can be done about it.
    #[schema(example = "see what there is with: essaim tenant list")]
    pub what_to_do: String,
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.kind.word().to_owned(),
            message: self.message,
            what_to_do: self.what_to_do,
        };
        (self.kind.status(), Json(body)).into_response()
    }
}
