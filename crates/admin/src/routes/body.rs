//! Bodies and queries whose faults are told in the API's own words.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::fault::Fault;
use crate::limits;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let read: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        match read {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let max = limits::BODY_BYTES_MAX;
                Err(Fault::invalid(format!("the body is longer than {max} bytes"), "send less"))
            }
            Err(rejection) => Err(Fault::invalid(
                format!("the body is not what is expected: {}", rejection.body_text()),
                "see what is expected in /api/openapi.json",
            )),
        }
    }
}

/// A query string.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        let Query(asked) = read.map_err(|rejection| {
            Fault::invalid(
                format!("the query is not what is expected: {}", rejection.body_text()),
                "see what is expected in /api/openapi.json",
            )
        })?;
        Ok(Self(asked))
    }
}
