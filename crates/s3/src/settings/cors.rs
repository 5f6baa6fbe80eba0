//! Cross-origin rules: read and write, and how what `access` decides is answered.

use access::{CorsError, CorsGrant, CorsRule, cors_check, cors_preflight, cors_simple};
use catalog::SettingKind;
use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{
    CORSConfiguration, CORSRule, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput,
    GetBucketCorsOutput, PutBucketCorsInput, PutBucketCorsOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::{store, stored, to_bytes};
use crate::Face;
use crate::error::{invalid_request, malformed_xml};
use crate::gate::{self, Bucket};

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
    cors_check(&to_access(&document.cors_rules)).map_err(|error| refused(&error))?;
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

fn refused(error: &CorsError) -> S3Error {
    match error {
        CorsError::Shape => malformed_xml(),
        CorsError::Method { .. }
        | CorsError::Origin { .. }
        | CorsError::Header { .. }
        | CorsError::Expose { .. } => invalid_request(error.to_string()),
    }
}

fn to_access(rules: &[CORSRule]) -> Vec<CorsRule> {
    let rule = |rule: &CORSRule| CorsRule {
        id: rule.id.clone(),
        origins: rule.allowed_origins.clone(),
        methods: rule.allowed_methods.clone(),
        allowed_headers: rule.allowed_headers.clone().unwrap_or_default(),
        expose_headers: rule.expose_headers.clone().unwrap_or_default(),
        max_age_seconds: rule.max_age_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
    };
    rules.iter().map(rule).collect()
}

/// What a browser asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CorsAsk<'a> {
    /// `Origin`.
    pub origin: &'a str,
    /// The method it uses or, before, will use.
    pub method: &'a str,
    /// Whether it asks before it sends.
    pub moment: CorsMoment<'a>,
}

/// When a browser asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CorsMoment<'a> {
    /// With the request itself.
    Sending,
    /// Before it, naming the headers it would send, if any.
    Preflight(Option<&'a str>),
}

/// The headers that let the browser through; `None` if no rule does.
pub(crate) fn answer(rules: &[CORSRule], ask: CorsAsk<'_>) -> Option<HeaderMap> {
    let rules = to_access(rules);
    let grant = match ask.moment {
        CorsMoment::Sending => cors_simple(&rules, ask.origin, ask.method),
        CorsMoment::Preflight(headers) => cors_preflight(&rules, ask.origin, ask.method, headers),
    };
    grant.as_ref().map(to_headers)
}

fn to_headers(grant: &CorsGrant) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    put(header::ACCESS_CONTROL_ALLOW_ORIGIN, &grant.allow_origin);
    put(header::ACCESS_CONTROL_ALLOW_METHODS, &grant.allow_methods.join(", "));
    if !grant.allow_headers.is_empty() {
        put(header::ACCESS_CONTROL_ALLOW_HEADERS, &grant.allow_headers.join(", "));
    }
    if !grant.expose_headers.is_empty() {
        put(header::ACCESS_CONTROL_EXPOSE_HEADERS, &grant.expose_headers.join(", "));
    }
    if let Some(seconds) = grant.max_age_seconds {
        put(header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    if grant.allow_credentials {
        put(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    put(header::VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origin: &str, method: &str) -> CORSRule {
        CORSRule {
            allowed_headers: Some(vec!["x-*".to_owned()]),
            allowed_methods: vec![method.to_owned()],
            allowed_origins: vec![origin.to_owned()],
            expose_headers: Some(vec!["etag".to_owned()]),
            id: None,
            max_age_seconds: Some(60),
        }
    }

    #[test]
    fn what_is_granted_is_said_in_headers() {
        let rules = [rule("https://*.fr", "PUT")];
        let ask = |moment| CorsAsk { origin: "https://a.fr", method: "PUT", moment };
        let found =
            answer(&rules, ask(CorsMoment::Preflight(Some("X-One, x-two")))).unwrap_or_default();
        let check = |name: header::HeaderName, expected: &'static str| {
            assert_eq!(found.get(&name), Some(&HeaderValue::from_static(expected)), "{name}");
        };
        check(header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://a.fr");
        check(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        check(header::ACCESS_CONTROL_ALLOW_HEADERS, "x-one, x-two");
        check(header::ACCESS_CONTROL_EXPOSE_HEADERS, "etag");
        check(header::ACCESS_CONTROL_MAX_AGE, "60");
        assert!(answer(&rules, ask(CorsMoment::Preflight(Some("y-one")))).is_none());
        assert!(answer(&rules, ask(CorsMoment::Sending)).is_some());
    }

    #[test]
    fn rules_that_cannot_work_are_refused_as_s3_does() {
        let code = |rules: &[CORSRule]| {
            let refusal = cors_check(&to_access(rules)).map_err(|error| refused(&error));
            refusal.err().map(|error| error.code().as_str().to_owned())
        };
        assert_eq!(code(&[]).as_deref(), Some("MalformedXML"));
        assert_eq!(code(&[rule("*", "PATCH")]).as_deref(), Some("InvalidRequest"));
        assert_eq!(code(&[rule("*", "PUT")]), None);
    }
}
