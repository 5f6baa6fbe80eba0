//! The claim that a request makes about who signed it, checked for form before
//! any key is looked up.
//!
//! The protocol library verifies the signature itself; what it leaves open is
//! closed here: a credential without signature that would pass as anonymous, two
//! claims at once, headers that are present but not signed, a scope of another
//! region or service, an expiry outside S3's range.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::query::Query;
use crate::limits::PRESIGNED_SECONDS_MAX;
use crate::request::RequestContext;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The query parameters of a presigned URL, all of which must be there.
const QUERY_CLAIM: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// What clients that sign by version 2 are told; aws-cli and boto3 do so for the links
/// of the region us-east-1, unless they are told not to.
const V2_NOT_SERVED: &str = "Signature version 2 is not supported. Please use AWS4-HMAC-SHA256: \
    aws configure set default.s3.signature_version s3v4; in boto3, \
    Config(signature_version='s3v4'); in s3cmd, signurl does not do it.";

/// Query parameters of signature version 2.
const QUERY_CLAIM_V2: [&str; 2] = ["AWSAccessKeyId", "Signature"];

/// Who a request says it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim<'a> {
    /// Nobody: no signature at all.
    Anonymous,
    /// Signed in the `Authorization` header.
    Header(Signed<'a>),
    /// Signed in the query string.
    Query(Signed<'a>),
}

/// The parts of a claim that are checked before the signature is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed<'a> {
    /// `key id/date/region/service/aws4_request`.
    credential: &'a str,
    /// Names of the signed headers, separated by semicolons.
    signed_headers: &'a str,
}

impl<'a> Claim<'a> {
    /// Reads the claim; refuses what is half a claim, two claims, or another scheme.
    pub(crate) fn read(headers: &'a HeaderMap, query: &'a Query<'_>) -> S3Result<Self> {
        let mut authorization = headers.get_all(header::AUTHORIZATION).iter();
        let (header, second) = (authorization.next(), authorization.next());
        if second.is_some() {
            return Err(only_one());
        }
        let in_query = query.iter().any(|(key, _)| is_claim_key(key));
        if query.iter().any(|(key, _)| QUERY_CLAIM_V2.contains(&key)) {
            return Err(not_served(V2_NOT_SERVED));
        }
        match (header, in_query) {
            (None, false) => Ok(Self::Anonymous),
            (None, true) => read_query(query).map(Self::Query),
            (Some(_), true) => Err(only_one()),
            (Some(value), false) => {
                let value = value.to_str().map_err(|_| malformed("it is not text"))?;
                read_header(value).map(Self::Header)
            }
        }
    }

    /// Checks what is signed, and for where.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        region: &str,
        context: &RequestContext,
    ) -> S3Result {
        if headers.contains_key("x-amz-security-token") {
            return Err(s3_error!(
                InvalidToken,
                "The provided token is malformed or otherwise invalid."
            ));
        }
        match self {
            Self::Anonymous => check_unsigned_body(headers),
            Self::Header(signed) => {
                check_scope(signed.credential, region, context, malformed)?;
                check_signed_headers(headers, signed.signed_headers, context)
            }
            Self::Query(signed) => {
                check_unsigned_body(headers)?;
                check_scope(signed.credential, region, context, malformed_query)?;
                check_signed_headers(headers, signed.signed_headers, context)
            }
        }
    }
}

impl Claim<'_> {
    /// The headers that the request says in other words: what a presigned URL says in
    /// its query is as good as a header, and so is a signed `Date` as `x-amz-date`.
    /// A header that is there, and therefore signed, goes before.
    pub(crate) fn headers_instead(
        &self,
        headers: &HeaderMap,
        query: &Query<'_>,
    ) -> S3Result<Vec<(HeaderName, HeaderValue)>> {
        match self {
            Self::Anonymous => Ok(Vec::new()),
            Self::Header(signed) => {
                let date = date_instead(signed, headers)?;
                Ok(date
                    .into_iter()
                    .map(|date| (HeaderName::from_static("x-amz-date"), date))
                    .collect())
            }
            Self::Query(_) => {
                query.iter().filter(|(key, _)| is_said_in_query(key)).map(pair).collect()
            }
        }
    }
}

/// Whether a key of a presigned URL stands for a header. What frames and signs the
/// body cannot be said there.
fn is_said_in_query(key: &str) -> bool {
    const FRAMING: [&str; 4] = [
        "x-amz-content-sha256",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "x-amz-user-agent",
    ];
    let ours = key.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
    ours && !is_claim_key(key) && !FRAMING.iter().any(|name| name.eq_ignore_ascii_case(key))
}

fn pair((key, value): (&str, &str)) -> S3Result<(HeaderName, HeaderValue)> {
    let invalid = || s3_error!(InvalidArgument, "The query parameter {key} is not a header");
    let name = HeaderName::from_bytes(key.as_bytes()).map_err(|_| invalid())?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
    Ok((name, value))
}

/// The value of `x-amz-date` where only `Date` was signed.
fn date_instead(signed: &Signed<'_>, headers: &HeaderMap) -> S3Result<Option<HeaderValue>> {
    if headers.contains_key("x-amz-date") {
        return Ok(None);
    }
    let refused =
        || s3_error!(AccessDenied, "AWS authentication requires a valid Date or x-amz-date header");
    if !signed.signed_headers.split(';').any(|name| name == "date") {
        return Err(refused());
    }
    let date = headers.get(header::DATE).and_then(|value| value.to_str().ok());
    let basic = date.and_then(crate::date::basic_of_http).ok_or_else(refused)?;
    HeaderValue::from_str(&basic).map(Some).map_err(|_| refused())
}

fn is_claim_key(key: &str) -> bool {
    QUERY_CLAIM.iter().any(|name| name.eq_ignore_ascii_case(key))
        || key.eq_ignore_ascii_case("X-Amz-Security-Token")
}

fn only_one() -> S3Error {
    s3_error!(
        InvalidArgument,
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
    )
}

fn not_served(message: &'static str) -> S3Error {
    S3Error::with_message(S3ErrorCode::NotImplemented, message)
}

fn malformed(what: &str) -> S3Error {
    s3_error!(AuthorizationHeaderMalformed, "The authorization header is malformed; {what}")
}

fn malformed_query(what: &str) -> S3Error {
    let message = format!("Error parsing the X-Amz-Credential parameter; {what}");
    S3Error::with_message(S3ErrorCode::AuthorizationQueryParametersError, message)
}

fn read_header(value: &str) -> S3Result<Signed<'_>> {
    let value = value.trim();
    if value.is_empty() {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    match scheme {
        ALGORITHM => {}
        "AWS" => {
            return Err(not_served(V2_NOT_SERVED));
        }
        "AWS4-ECDSA-P256-SHA256" => {
            return Err(not_served(
                "Signature version 4A is not supported. Please use AWS4-HMAC-SHA256.",
            ));
        }
        _ => return Err(s3_error!(InvalidArgument, "Unsupported Authorization Type")),
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=').unwrap_or((part, ""));
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(malformed("it has an unknown part")),
        };
        if slot.replace(value).is_some() {
            return Err(malformed("it names a part twice"));
        }
    }
    match (credential, signed_headers, signature) {
        (Some(credential), Some(signed_headers), Some(_)) => {
            Ok(Signed { credential, signed_headers })
        }
        _ => Err(malformed("Credential, SignedHeaders and Signature are required")),
    }
}

fn read_query<'a>(query: &'a Query<'_>) -> S3Result<Signed<'a>> {
    let error = |message: &'static str| {
        S3Error::with_message(S3ErrorCode::AuthorizationQueryParametersError, message)
    };
    if query.iter().any(|(key, _)| key.eq_ignore_ascii_case("X-Amz-Security-Token")) {
        return Err(s3_error!(
            InvalidToken,
            "The provided token is malformed or otherwise invalid."
        ));
    }
    let value = |name: &str| {
        query.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            error("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
        })
    };
    for name in QUERY_CLAIM {
        value(name)?;
    }
    if value("X-Amz-Algorithm")? != ALGORITHM {
        return Err(error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    check_expires(value("X-Amz-Expires")?)?;
    Ok(Signed {
        credential: value("X-Amz-Credential")?,
        signed_headers: value("X-Amz-SignedHeaders")?,
    })
}

/// An expiry of 1 to 604,800 seconds; anything else is forbidden, not only malformed.
fn check_expires(text: &str) -> S3Result {
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse::<u64>().ok().filter(|_| digits);
    let message = match seconds {
        None => "X-Amz-Expires must be a non-negative number of seconds",
        Some(0) => "X-Amz-Expires must be greater than zero",
        Some(seconds) if seconds > PRESIGNED_SECONDS_MAX => {
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
        }
        Some(_) => return Ok(()),
    };
    let mut error = S3Error::with_message(S3ErrorCode::AuthorizationQueryParametersError, message);
    error.set_status_code(http::StatusCode::FORBIDDEN);
    Err(error)
}

/// The scope must be ours: another region or service is a signature made for
/// somebody else.
fn check_scope(
    credential: &str,
    region: &str,
    context: &RequestContext,
    error: impl Fn(&str) -> S3Error,
) -> S3Result {
    let mut parts = credential.rsplit('/');
    let (end, service, found, date) = (parts.next(), parts.next(), parts.next(), parts.next());
    if end != Some("aws4_request") || parts.next().is_none_or(str::is_empty) {
        return Err(error(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ));
    }
    if !date.is_some_and(|date| date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit())) {
        return Err(error(
            "incorrect date format. This date in the credential must be in the format \"yyyyMMdd\".",
        ));
    }
    if found != Some(region) && !units::planted::is_on("s3-trust-any-scope") {
        context.detail("Region", region);
        return Err(error(&format!(
            "the region '{}' is wrong; expecting '{region}'",
            found.unwrap_or_default()
        )));
    }
    if service != Some("s3") {
        return Err(error(&format!(
            "incorrect service \"{}\". This endpoint belongs to \"s3\".",
            service.unwrap_or_default()
        )));
    }
    Ok(())
}

/// `host` and every `x-amz-*` header that is there must be signed, and every
/// signed header must be there.
fn check_signed_headers(headers: &HeaderMap, signed: &str, context: &RequestContext) -> S3Result {
    let is_signed = |name: &str| signed.split(';').any(|signed| signed == name);
    let must = |name: &HeaderName| {
        *name == header::HOST || name.as_str().starts_with("x-amz-") && !is_exempt(name.as_str())
    };
    let mut missing =
        headers.keys().filter(|name| must(name) && !is_signed(name.as_str())).peekable();
    let host = is_signed("host");
    if missing.peek().is_some() || !host {
        let mut names: Vec<&str> = missing.map(HeaderName::as_str).collect();
        if !host && !names.contains(&"host") {
            names.push("host");
        }
        context.detail("HeadersNotSigned", &names.join(", "));
        return Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed"
        ));
    }
    if let Some(absent) = signed.split(';').find(|name| !headers.contains_key(*name)) {
        return Err(s3_error!(
            SignatureDoesNotMatch,
            "The signed header {absent} is not in the request"
        ));
    }
    Ok(())
}

/// Headers that say nothing to any verb, which some signers leave out.
fn is_exempt(name: &str) -> bool {
    name == "x-amz-user-agent" || units::planted::is_on("s3-trust-unsigned-headers")
}

/// Chunk framing is only undone for a signed header; without one the framing
/// bytes would be stored as the object.
fn check_unsigned_body(headers: &HeaderMap) -> S3Result {
    let streaming = |value: &HeaderValue| value.as_bytes().starts_with(b"STREAMING-");
    if headers.get_all("x-amz-content-sha256").iter().any(streaming) {
        return Err(s3_error!(
            InvalidRequest,
            "A streaming payload needs a signature in the Authorization header"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod hostile;
