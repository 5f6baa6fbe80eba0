//! What browsers of other origins are told: before a request and beside its answer.
//!
//! The rules of a bucket are no secret of its objects: they are looked up without
//! an authorisation, and nothing but them reaches the answer.

use http::{HeaderMap, Method, Response, header};
use s3s::{Body, S3Error, S3Result};

use super::address::Address;
use crate::Face;
use crate::error::custom;
use crate::gate;
use crate::settings::cors::{self, CorsAsk, CorsMoment};

/// What of a request matters for its answer's cross-origin headers.
#[derive(Debug)]
pub(super) struct Origin {
    origin: String,
    method: String,
}

impl Origin {
    /// `None` if the request does not come from a page.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        let origin = text(headers, header::ORIGIN)?.to_owned();
        // A page may say which method it asks about, whatever it uses.
        let asked = text(headers, header::ACCESS_CONTROL_REQUEST_METHOD);
        let method = asked.unwrap_or(method.as_str()).to_owned();
        Some(Self { origin, method })
    }

    /// The headers that the bucket's rules give to this page.
    pub(super) async fn headers(&self, face: &Face, address: &Address) -> Option<HeaderMap> {
        let bucket = gate::bucket_named(face, address.bucket.as_deref()?).await.ok()?;
        let rules = cors::rules(&bucket).ok()??;
        let ask =
            CorsAsk { origin: &self.origin, method: &self.method, moment: CorsMoment::Sending };
        cors::answer(&rules, ask)
    }
}

/// Answers a browser that asks before it sends.
pub(super) async fn preflight(
    face: &Face,
    headers: &HeaderMap,
    address: &Address,
) -> S3Result<Response<Body>> {
    let origin = text(headers, header::ORIGIN)
        .ok_or_else(|| bad("Insufficient information. Origin request header needed."))?;
    let method = text(headers, header::ACCESS_CONTROL_REQUEST_METHOD)
        .ok_or_else(|| bad("Invalid Access-Control-Request-Method: null"))?;
    let bucket = gate::bucket_named(face, address.bucket.as_deref().unwrap_or_default()).await?;
    let Some(rules) = cors::rules(&bucket)? else {
        return Err(forbidden("CORSResponse: CORS is not enabled for this bucket."));
    };
    let headers = text(headers, header::ACCESS_CONTROL_REQUEST_HEADERS);
    let answer =
        cors::answer(&rules, CorsAsk { origin, method, moment: CorsMoment::Preflight(headers) });
    let answer = answer.ok_or_else(|| {
        forbidden(
            "CORSResponse: This CORS request is not allowed. No rule of the bucket allows this origin, method and headers.",
        )
    })?;
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = answer;
    Ok(response)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().filter(|text| !text.is_empty())
}

fn bad(message: &'static str) -> S3Error {
    custom("BadRequest", http::StatusCode::BAD_REQUEST, message)
}

fn forbidden(message: &'static str) -> S3Error {
    custom("AccessForbidden", http::StatusCode::FORBIDDEN, message)
}
