//! Cross-origin rules: read and write, and which rule lets a browser through.
//!
//! The Fetch standard, "CORS protocol"; Amazon S3 User Guide, "Using
//! cross-origin resource sharing". The first rule that fits decides.

use catalog::SettingKind;
use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{
    CORSConfiguration, CORSRule, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput,
    GetBucketCorsOutput, PutBucketCorsInput, PutBucketCorsOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::{store, stored, to_bytes};
use crate::Face;
use crate::error::{invalid_request, malformed_xml};
use crate::gate::{self, Bucket};
use crate::limits::{CORS_RULES_MAX, CORS_VALUES_MAX};

const METHODS: [&str; 5] = ["DELETE", "GET", "HEAD", "POST", "PUT"];

/// Serves `GetBucketCors`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_cors(
    _face: &Face,
    req: S3Request<GetBucketCorsInput>,
) -> S3Result<S3Response<GetBucketCorsOutput>> {
    gate::authorised(&req.extensions)?;
    let rules = rules(gate::bucket(&req.extensions)?)?;
    let rules = rules.ok_or_else(|| s3_error!(NoSuchCORSConfiguration))?;
    Ok(S3Response::new(GetBucketCorsOutput { cors_rules: Some(rules) }))
}

/// Serves `PutBucketCors`.
pub(crate) async fn put_bucket_cors(
    face: &Face,
    req: S3Request<PutBucketCorsInput>,
) -> S3Result<S3Response<PutBucketCorsOutput>> {
    let document = &req.input.cors_configuration;
    check(&document.cors_rules)?;
    let bytes = to_bytes(document)?;
    store(face, &req.extensions, SettingKind::Cors, Some(bytes)).await?;
    Ok(S3Response::new(PutBucketCorsOutput {}))
}

/// Serves `DeleteBucketCors`.
pub(crate) async fn delete_bucket_cors(
    face: &Face,
    req: S3Request<DeleteBucketCorsInput>,
) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
    store(face, &req.extensions, SettingKind::Cors, None).await?;
    Ok(S3Response::new(DeleteBucketCorsOutput {}))
}

/// The rules of a bucket, if it has any.
pub(crate) fn rules(bucket: &Bucket) -> S3Result<Option<Vec<CORSRule>>> {
    let document: Option<CORSConfiguration> = stored(bucket, SettingKind::Cors)?;
    Ok(document.map(|document| document.cors_rules))
}

fn check(rules: &[CORSRule]) -> S3Result {
    if rules.is_empty() || rules.len() > CORS_RULES_MAX {
        return Err(malformed_xml());
    }
    for rule in rules {
        let headers = rule.allowed_headers.as_deref().unwrap_or_default();
        let exposed = rule.expose_headers.as_deref().unwrap_or_default();
        let lists = [&*rule.allowed_methods, &*rule.allowed_origins, headers, exposed];
        if lists.iter().any(|list| list.len() > CORS_VALUES_MAX)
            || rule.allowed_methods.is_empty()
            || rule.allowed_origins.is_empty()
        {
            return Err(malformed_xml());
        }
        if let Some(method) = rule.allowed_methods.iter().find(|m| !METHODS.contains(&m.as_str())) {
            return Err(invalid_request(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )));
        }
        let twice = |text: &&String| text.matches('*').count() > 1;
        if let Some(origin) = rule.allowed_origins.iter().find(twice) {
            return Err(invalid_request(format!(
                "AllowedOrigin \"{origin}\" can not have more than one wildcard."
            )));
        }
        if let Some(header) = headers.iter().find(twice) {
            return Err(invalid_request(format!(
                "AllowedHeader \"{header}\" can not have more than one wildcard."
            )));
        }
        if let Some(header) = exposed.iter().find(|text| text.contains('*')) {
            return Err(invalid_request(format!(
                "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
            )));
        }
    }
    Ok(())
}

/// What a browser asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CorsAsk<'a> {
    /// `Origin`.
    pub origin: &'a str,
    /// The method it uses or, before, will use.
    pub method: &'a str,
    /// `Access-Control-Request-Headers`, of a question asked before.
    pub headers: Option<&'a str>,
}

/// The headers that let the browser through; `None` if no rule does.
pub(crate) fn answer(rules: &[CORSRule], ask: CorsAsk<'_>) -> Option<HeaderMap> {
    let (rule, any) = rules.iter().find_map(|rule| Some((rule, fits(rule, ask)?)))?;
    let mut headers = HeaderMap::new();
    let mut put = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    put(header::ACCESS_CONTROL_ALLOW_ORIGIN, if any { "*" } else { ask.origin });
    put(header::ACCESS_CONTROL_ALLOW_METHODS, &rule.allowed_methods.join(", "));
    if let Some(asked) = ask.headers.filter(|asked| !asked.is_empty()) {
        put(header::ACCESS_CONTROL_ALLOW_HEADERS, &asked.to_ascii_lowercase());
    }
    if let Some(exposed) = rule.expose_headers.as_ref().filter(|list| !list.is_empty()) {
        put(header::ACCESS_CONTROL_EXPOSE_HEADERS, &exposed.join(", "));
    }
    if let Some(seconds) = rule.max_age_seconds {
        put(header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    if !any {
        put(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    put(header::VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    Some(headers)
}

/// Whether a rule fits, and whether it fits any origin.
fn fits(rule: &CORSRule, ask: CorsAsk<'_>) -> Option<bool> {
    let origin = rule.allowed_origins.iter().find(|pattern| like(pattern, ask.origin))?;
    rule.allowed_methods.iter().find(|method| *method == ask.method)?;
    let allowed = rule.allowed_headers.as_deref().unwrap_or_default();
    let lowered: Vec<String> = allowed.iter().map(|text| text.to_ascii_lowercase()).collect();
    let asked = ask.headers.unwrap_or_default().split(',').map(str::trim);
    let mut asked = asked.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase);
    let all = asked.all(|name| lowered.iter().any(|pattern| like(pattern, &name)));
    all.then_some(origin == "*")
}

/// A pattern with at most one `*`.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len().saturating_add(end.len())
                && text.starts_with(start)
                && text.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origin: &str, method: &str, headers: &[&str]) -> CORSRule {
        CORSRule {
            allowed_headers: Some(headers.iter().map(|&text| text.to_owned()).collect()),
            allowed_methods: vec![method.to_owned()],
            allowed_origins: vec![origin.to_owned()],
            expose_headers: None,
            id: None,
            max_age_seconds: None,
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = [rule("*suffix", "GET", &[]), rule("start*end", "PUT", &["x-*"])];
        let check = |origin: &str, method: &str, headers: Option<&str>, expected: Option<&str>| {
            let found = answer(&rules, CorsAsk { origin, method, headers });
            let found = found.and_then(|headers| {
                let value = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
                value.to_str().ok().map(str::to_owned)
            });
            assert_eq!(found.as_deref(), expected, "{origin} {method} {headers:?}");
        };
        check("foo.suffix", "GET", None, Some("foo.suffix"));
        check("foo.suffix", "PUT", None, None);
        check("startend", "PUT", Some("X-One, x-two"), Some("startend"));
        check("startend", "PUT", Some("y-one"), None);
        check("staend", "PUT", None, None);
        assert!(like("ab*ba", "abba") && !like("ab*ba", "aba"));
    }

    #[test]
    fn any_origin_is_answered_with_a_star() {
        let found = answer(
            &[rule("*", "GET", &[])],
            CorsAsk { origin: "https://a", method: "GET", headers: None },
        );
        let found = found.unwrap_or_default();
        assert_eq!(
            found.get(header::ACCESS_CONTROL_ALLOW_ORIGIN),
            Some(&HeaderValue::from_static("*"))
        );
        assert!(!found.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }

    #[test]
    fn rules_that_cannot_work_are_refused() {
        assert!(check(&[]).is_err());
        assert!(check(&[rule("a*b*", "GET", &[])]).is_err());
        assert!(check(&[rule("*", "PATCH", &[])]).is_err());
        assert!(check(&[rule("*", "GET", &["x-*"])]).is_ok());
    }
}
