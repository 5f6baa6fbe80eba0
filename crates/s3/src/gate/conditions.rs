//! What a request says that the conditions of a policy may look at.
//!
//! The address is the socket's; `X-Forwarded-For` is a header like any other.

use std::collections::BTreeMap;

use access::{RequestFacts, SignatureAuth};
use http::HeaderMap;
use units::Timestamp;

use crate::date;
use crate::object::tags;
use crate::request::RequestContext;
use crate::server::Query;

/// Headers beside `x-amz-*` that conditions may name.
const HEADERS: [&str; 4] = ["if-match", "if-none-match", "referer", "user-agent"];

/// What is known of a request beside its headers and its query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// Where it comes from.
    pub context: &'a RequestContext,
    /// How it was signed; the signature was verified.
    pub auth: SignatureAuth,
    /// Whether it makes an object at once or only a part of one.
    pub creates_object: Option<bool>,
    /// Now.
    pub now: Timestamp,
}

/// The facts of a request, for buckets that have rules about them.
pub(super) fn of(headers: &HeaderMap, query: Option<&str>, known: Known<'_>) -> RequestFacts {
    let named = |name: &str| name.starts_with("x-amz-") || HEADERS.contains(&name);
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers: BTreeMap<String, String> = headers
        .iter()
        .filter(|(name, _)| named(name.as_str()))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .collect();
    let query = Query::parse(query).unwrap_or_default();
    let signed_at = match known.auth {
        SignatureAuth::None => None,
        SignatureAuth::Query => query.get("X-Amz-Date"),
        _ => headers.get("x-amz-date").map(String::as_str),
    };
    let signed_at = signed_at.and_then(date::of_basic);
    let age = signed_at.map(|at| known.now.seconds().saturating_sub(at.seconds()));
    let query: BTreeMap<String, String> =
        query.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let request_tags = headers.get("x-amz-tagging").map(|text| request_tags(text));
    RequestFacts {
        source_ip: Some(known.context.peer.ip().to_canonical()),
        secure_transport: known.context.secure,
        // The node speaks plain HTTP, be it to a front that ends TLS.
        tls_version: None,
        auth: known.auth,
        signature_age_seconds: age,
        creates_object: known.creates_object,
        request_tags: request_tags.unwrap_or_default(),
        headers,
        query,
    }
}

/// The pairs of a tagging header; what is malformed is refused by the verb.
fn request_tags(text: &str) -> Vec<(String, String)> {
    let tags = tags::from_header(text).unwrap_or_default();
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
