//! What a request says that the conditions of a policy may look at.
//!
//! The address is the socket's; `X-Forwarded-For` is a header like any other.

use std::collections::BTreeMap;

use access::{RequestFacts, SignatureAuth};
use http::HeaderMap;

use crate::request::RequestContext;
use crate::server::Query;

/// Headers beside `x-amz-*` that conditions may name.
const HEADERS: [&str; 4] = ["if-match", "if-none-match", "referer", "user-agent"];

/// The facts of a request, for buckets that have rules about them.
pub(super) fn of(
    headers: &HeaderMap,
    query: Option<&str>,
    context: &RequestContext,
    auth: SignatureAuth,
) -> RequestFacts {
    let named = |name: &str| name.starts_with("x-amz-") || HEADERS.contains(&name);
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers: BTreeMap<String, String> = headers
        .iter()
        .filter(|(name, _)| named(name.as_str()))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .collect();
    let query = Query::parse(query).unwrap_or_default();
    let query: BTreeMap<String, String> =
        query.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let request_tags = headers.get("x-amz-tagging").map(|text| tags(text));
    RequestFacts {
        source_ip: Some(context.peer.ip().to_canonical()),
        secure_transport: context.secure,
        auth,
        signature_age_seconds: None,
        request_tags: request_tags.unwrap_or_default(),
        headers,
        query,
    }
}

/// The pairs of a tagging header; what is malformed is refused by the verb.
fn tags(text: &str) -> Vec<(String, String)> {
    let query = Query::parse(Some(text)).unwrap_or_default();
    query.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
