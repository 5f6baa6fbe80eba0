//! Bodies and queries whose faults are told in the API's own words, and the language of
//! sentences in answers.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use placement::Language;
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

/// The language that is asked for; English if none is that the answers have.
pub(super) struct Tongue(pub(super) Language);

impl<S: Send + Sync> FromRequestParts<S> for Tongue {
    type Rejection = core::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE);
        let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(preferred(accepted).unwrap_or(Language::English)))
    }
}

/// The known language with the highest weight (RFC 9110, 12.5.4); of equal ones the first.
fn preferred(accepted: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in accepted.split(',').take(limits::LANGUAGES_ASKED_MAX) {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let Ok(language) = tag.parse::<Language>() else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
        let weight: f32 = weight.unwrap_or(1.0);
        if weight > 0.0 && best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_known_language_is_taken() {
        for (accepted, language) in [
            ("", None),
            ("de", None),
            ("fr", Some(Language::French)),
            ("fr-FR,fr;q=0.9,en;q=0.8", Some(Language::French)),
            ("de, en;q=0.5, fr;q=0.4", Some(Language::English)),
            ("fr;q=0, en;q=0.1", Some(Language::English)),
        ] {
            assert_eq!(preferred(accepted), language, "{accepted}");
        }
    }
}
