//! The cookie of a session, and whether a form comes from our own page.

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookie's name.
pub(crate) const COOKIE: &str = "essaim_session";

/// The longest cookie that is looked at.
const COOKIE_BYTES_MAX: usize = 4_096;

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(header::COOKIE)?.to_str().ok()?;
    let value = value.get(..value.len().min(COOKIE_BYTES_MAX))?;
    let pairs = value.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// The header that begins a session. No `Secure`: the node serves plain HTTP on
/// loopback, and a TLS front in its place adds the flag.
pub(crate) fn begin(token: &str) -> Option<HeaderValue> {
    let seconds = admin::limits::SESSION_LIFE.as_secs();
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    HeaderValue::from_str(&cookie).ok()
}

/// The header that ends it.
pub(crate) const END: HeaderValue =
    HeaderValue::from_static("essaim_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");

/// Whether a form was sent by a page of this address (or by no browser at all).
pub(crate) fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match (text("origin"), text("host")) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{cookie, is_ours};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_cookie_among_others() {
        let headers = headers(&[("cookie", "a=1; essaim_session=xyz; b=2")]);
        assert_eq!(cookie(&headers, "essaim_session").as_deref(), Some("xyz"));
        assert_eq!(cookie(&headers, "c"), None);
    }

    #[test]
    fn forms_of_other_sites_are_not_ours() {
        assert!(is_ours(&headers(&[])));
        assert!(is_ours(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(!is_ours(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(is_ours(&headers(&[("origin", "http://a:1"), ("host", "a:1")])));
        assert!(!is_ours(&headers(&[("origin", "http://evil"), ("host", "a:1")])));
        assert!(!is_ours(&headers(&[("origin", "null"), ("host", "a:1")])));
    }
}
