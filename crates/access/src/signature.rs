//! What can be said of a signed request before its signature is verified: the
//! checks that protocol libraries forget (Signature Version 4, "Authenticating
//! Requests", and the case list of the reliability page).
//!
//! Pure: over what was parsed of the request. Verifying the signature itself is
//! the protocol library's matter; this runs in front of it and only refuses.

use thiserror::Error;
use time::{Date, Month, OffsetDateTime, Time};
use units::Timestamp;

use crate::limits::{CLOCK_SKEW_SECONDS_MAX, PRESIGNED_SECONDS_MAX, QUERY_PAIRS_MAX};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";
const TERMINATION: &str = "aws4_request";

/// A request as it came, decoded once.
#[derive(Clone, Copy, Debug)]
pub struct SignedFacts<'a> {
    /// Query pairs in order, decoded.
    pub query: &'a [(String, String)],
    /// All values of `Authorization`.
    pub authorization: &'a [&'a str],
    /// Names of all headers, in lower case.
    pub headers: &'a [&'a str],
    /// `x-amz-date`, or else `Date`.
    pub date: Option<&'a str>,
    /// The regions that this endpoint answers for; the first is named in errors.
    pub regions: &'a [&'a str],
    /// Now.
    pub now: Timestamp,
}

/// How a request says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// Not at all.
    None,
    /// By the `Authorization` header.
    Header,
    /// By the query string.
    Query {
        /// Seconds since it was signed.
        age_seconds: i64,
    },
}

/// Why a signed request is refused. Texts are shown to clients.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum SignatureRefusal {
    /// Two ways at once, or one of them twice. S3: `InvalidArgument`.
    #[error(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
    )]
    TwoMechanisms,
    /// Signature Version 2, or something unheard of. S3: `InvalidRequest`.
    #[error(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )]
    Unsupported,
    /// A query key twice: which one was signed? S3: `InvalidArgument`.
    #[error("Duplicate query parameter: {key}")]
    DuplicateQuery {
        /// The key.
        key: String,
    },
    /// More query pairs than any request needs. S3: `InvalidRequest`.
    #[error("The request has too many query parameters")]
    TooManyQuery,
    /// A part of the header is missing or is not what it should be.
    /// S3: `AuthorizationHeaderMalformed`.
    #[error("The authorization header is malformed; {reason}")]
    Header {
        /// What is wrong.
        reason: String,
    },
    /// A part of the query string is missing or is not what it should be.
    /// S3: `AuthorizationQueryParametersError`.
    #[error("{reason}")]
    Query {
        /// What is wrong.
        reason: String,
    },
    /// No date, or none that can be read. S3: `AccessDenied`.
    #[error("AWS authentication requires a valid Date or x-amz-date header")]
    NoDate,
    /// Too far from our time. S3: `RequestTimeTooSkewed`.
    #[error("The difference between the request time and the current time is too large.")]
    Skewed,
    /// A presigned request whose time is over. S3: `AccessDenied`.
    #[error("Request has expired")]
    Expired,
    /// A presigned request from the future. S3: `AccessDenied`.
    #[error("Request is not yet valid")]
    NotYetValid,
    /// A header that must be signed is not. S3: `AccessDenied`.
    #[error("There were headers present in the request which were not signed: {header}")]
    Unsigned {
        /// The header.
        header: String,
    },
}

impl SignatureRefusal {
    /// The S3 error code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TwoMechanisms | Self::DuplicateQuery { .. } => "InvalidArgument",
            Self::Unsupported | Self::TooManyQuery => "InvalidRequest",
            Self::Header { .. } => "AuthorizationHeaderMalformed",
            Self::Query { .. } => "AuthorizationQueryParametersError",
            Self::Skewed => "RequestTimeTooSkewed",
            Self::NoDate | Self::Expired | Self::NotYetValid | Self::Unsigned { .. } => {
                "AccessDenied"
            }
        }
    }
}

/// Checks what can be checked before the signature is.
pub fn signature_check(facts: &SignedFacts<'_>) -> Result<Signing, SignatureRefusal> {
    if facts.query.len() > QUERY_PAIRS_MAX {
        return Err(SignatureRefusal::TooManyQuery);
    }
    let has = |key: &str| facts.query.iter().any(|(name, _)| name.eq_ignore_ascii_case(key));
    let by_query = has("X-Amz-Algorithm")
        || has("X-Amz-Credential")
        || has("X-Amz-Signature")
        || has("X-Amz-SignedHeaders");
    let by_old_query = has("AWSAccessKeyId") || (has("Signature") && has("Expires"));
    let mechanisms = facts.authorization.len() + usize::from(by_query) + usize::from(by_old_query);
    if mechanisms > 1 {
        return Err(SignatureRefusal::TwoMechanisms);
    }
    if mechanisms > 0 {
        no_duplicates(facts.query)?;
    }
    if by_old_query {
        return Err(SignatureRefusal::Unsupported);
    }
    if by_query {
        return query(facts);
    }
    match facts.authorization.first() {
        None => Ok(Signing::None),
        Some(value) => header(facts, value).map(|()| Signing::Header),
    }
}

fn no_duplicates(query: &[(String, String)]) -> Result<(), SignatureRefusal> {
    let mut keys: Vec<&str> = query.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    for pair in keys.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            return Err(SignatureRefusal::DuplicateQuery { key: (*one).to_owned() });
        }
    }
    Ok(())
}

fn header(facts: &SignedFacts<'_>, value: &str) -> Result<(), SignatureRefusal> {
    let malformed = |reason: &str| SignatureRefusal::Header { reason: reason.to_owned() };
    let Some(rest) = value.trim().strip_prefix(ALGORITHM) else {
        return Err(SignatureRefusal::Unsupported);
    };
    if !rest.starts_with([' ', '\t']) {
        return Err(SignatureRefusal::Unsupported);
    }
    let (mut credential, mut signed, mut signature) = (None, None, None);
    for field in rest.split(',') {
        let (name, value) = field.trim().split_once('=').ok_or_else(|| {
            malformed("the authorization component is not of the form name=value")
        })?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed,
            "Signature" => &mut signature,
            _ => return Err(malformed("it has an unknown component")),
        };
        if slot.replace(value).is_some() {
            return Err(malformed("a component is given twice"));
        }
    }
    let credential = credential.ok_or_else(|| malformed("the Credential is missing"))?;
    let signed = signed.ok_or_else(|| malformed("the SignedHeaders are missing"))?;
    signature.ok_or_else(|| malformed("the Signature is missing"))?;
    let time = facts.date.and_then(parse_date).ok_or(SignatureRefusal::NoDate)?;
    let day = scope(facts, credential).map_err(|reason| SignatureRefusal::Header { reason })?;
    if day != time.date() {
        return Err(malformed("the credential date does not match the request date"));
    }
    if (facts.now.seconds() - time.unix_timestamp()).abs() > CLOCK_SKEW_SECONDS_MAX {
        return Err(SignatureRefusal::Skewed);
    }
    signed_headers(facts, signed)
}

fn query(facts: &SignedFacts<'_>) -> Result<Signing, SignatureRefusal> {
    let wrong = |reason: &str| SignatureRefusal::Query { reason: reason.to_owned() };
    let get = |key: &str| {
        let found = facts.query.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| {
            wrong(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )
        })
    };
    if get("X-Amz-Algorithm")? != ALGORITHM {
        return Err(wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let (credential, signed) = (get("X-Amz-Credential")?, get("X-Amz-SignedHeaders")?);
    get("X-Amz-Signature")?;
    let time = parse_stamp(get("X-Amz-Date")?).ok_or_else(|| {
        wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    })?;
    let expires = get("X-Amz-Expires")?;
    let expires: i64 = expires.parse().map_err(|_| wrong("X-Amz-Expires should be a number"))?;
    if expires < 1 {
        return Err(wrong("X-Amz-Expires must be non-negative"));
    }
    if expires > PRESIGNED_SECONDS_MAX {
        return Err(wrong(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ));
    }
    let day = scope(facts, credential).map_err(|reason| SignatureRefusal::Query {
        reason: format!("Error parsing the X-Amz-Credential parameter; {reason}"),
    })?;
    if day != time.date() {
        return Err(wrong("Invalid credential date. This date is not the same as X-Amz-Date"));
    }
    let age_seconds = facts.now.seconds() - time.unix_timestamp();
    if age_seconds < -CLOCK_SKEW_SECONDS_MAX {
        return Err(SignatureRefusal::NotYetValid);
    }
    if age_seconds > expires {
        return Err(SignatureRefusal::Expired);
    }
    signed_headers(facts, signed)?;
    Ok(Signing::Query { age_seconds })
}

/// Checks `key/yyyymmdd/region/s3/aws4_request`; gives the day.
fn scope(facts: &SignedFacts<'_>, credential: &str) -> Result<Date, String> {
    // Read from the end: the fields there hold no slash.
    let mut fields = credential.rsplitn(5, '/');
    let mut next = || fields.next().unwrap_or_default();
    let (termination, service, region, day, key) = (next(), next(), next(), next(), next());
    if key.is_empty() || key.contains('/') {
        return Err(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"".to_owned(),
        );
    }
    if termination != TERMINATION {
        return Err(format!(
            "incorrect terminal \"{termination}\". This endpoint uses \"{TERMINATION}\"."
        ));
    }
    if service != SERVICE {
        return Err(format!("incorrect service \"{service}\". This endpoint belongs to \"s3\"."));
    }
    if !facts.regions.contains(&region) {
        let expected = facts.regions.first().copied().unwrap_or_default();
        return Err(format!("the region '{region}' is wrong; expecting '{expected}'"));
    }
    parse_day(day).ok_or_else(|| {
        format!("incorrect date format \"{day}\". This date in the credential must be in the format \"yyyyMMdd\".")
    })
}

/// `host` and every `x-amz-*` header that is present must be signed.
fn signed_headers(facts: &SignedFacts<'_>, signed: &str) -> Result<(), SignatureRefusal> {
    let signed: Vec<&str> = signed.split(';').collect();
    let must = |header: &&&str| **header == "host" || header.starts_with("x-amz-");
    if !signed.contains(&"host") {
        return Err(SignatureRefusal::Unsigned { header: "host".to_owned() });
    }
    let unsigned = facts.headers.iter().filter(must).find(|header| !signed.contains(*header));
    match unsigned {
        None => Ok(()),
        Some(header) => Err(SignatureRefusal::Unsigned { header: (*header).to_owned() }),
    }
}

fn digits<T: core::str::FromStr>(text: &str, from: usize, to: usize) -> Option<T> {
    let text = text.get(from..to)?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// `yyyymmdd`
fn parse_day(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    let month = Month::try_from(digits::<u8>(text, 4, 6)?).ok()?;
    Date::from_calendar_date(digits(text, 0, 4)?, month, digits(text, 6, 8)?).ok()
}

/// `yyyymmddThhmmssZ`
fn parse_stamp(text: &str) -> Option<OffsetDateTime> {
    if text.len() != 16 || text.get(8..9)? != "T" || text.get(15..)? != "Z" {
        return None;
    }
    let day = parse_day(text.get(..8)?)?;
    let (hour, minute, second) =
        (digits(text, 9, 11)?, digits(text, 11, 13)?, digits(text, 13, 15)?);
    Some(day.with_time(Time::from_hms(hour, minute, second).ok()?).assume_utc())
}

/// The date of a signed request: the short ISO form, or an HTTP date.
fn parse_date(text: &str) -> Option<OffsetDateTime> {
    use time::format_description::well_known::Rfc2822;
    let text = text.trim();
    parse_stamp(text).or_else(|| {
        let zone = text.replace("GMT", "+0000");
        OffsetDateTime::parse(&zone, &Rfc2822).ok().map(|time| time.to_offset(time::UtcOffset::UTC))
    })
}
