//! What a write asks to be kept with the bytes: content headers, metadata, tags,
//! lock, storage class, redirect. Read from headers, so that a form, whose fields
//! have the same names, is read by the same code.

use catalog::command::PutCondition;
use catalog::{ObjectHeaders, Retention, RetentionMode, Tag};
use http::{HeaderMap, StatusCode};
use s3s::{S3Result, s3_error};
use units::Timestamp;

use super::conditional::{etag_match, http_date};
use super::metadata::{LatinHeaders, content_encoding, user_metadata};
use super::tags;
use super::{header_lossy, header_text};
use crate::error::custom;

/// The storage classes that clients know; all are stored alike and shown as asked.
const STORAGE_CLASSES: [&str; 10] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "EXPRESS_ONEZONE",
];

/// What is kept with the bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    /// Content type and its kin.
    pub headers: ObjectHeaders,
    /// User metadata.
    pub metadata: Vec<(String, String)>,
    /// Tags, if any were sent.
    pub tags: Option<Vec<Tag>>,
    /// `x-amz-object-lock-mode` and its date.
    pub retention: Option<Retention>,
    /// `x-amz-object-lock-legal-hold`.
    pub legal_hold: Option<bool>,
    /// `x-amz-storage-class`, if it is not `STANDARD`.
    pub storage_class: Option<String>,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
}

impl Stored {
    /// Reads all of it.
    pub(crate) fn of(
        headers: &HeaderMap,
        latin: Option<&LatinHeaders>,
        now: Timestamp,
    ) -> S3Result<Self> {
        Ok(Self {
            headers: content_headers(headers),
            metadata: user_metadata(headers, latin)?,
            tags: header_text(headers, "x-amz-tagging").map(tags::from_header).transpose()?,
            retention: retention(headers, now)?,
            legal_hold: legal_hold(headers)?,
            storage_class: storage_class(headers)?,
            website_redirect: website_redirect(headers)?,
        })
    }
}

fn content_headers(headers: &HeaderMap) -> ObjectHeaders {
    let text = |name: &str| header_lossy(headers, name).filter(|text| !text.is_empty());
    ObjectHeaders {
        content_type: text("content-type"),
        cache_control: text("cache-control"),
        content_disposition: text("content-disposition"),
        content_encoding: text("content-encoding").and_then(|text| content_encoding(&text)),
        content_language: text("content-language"),
        expires: text("expires"),
    }
}

fn retention(headers: &HeaderMap, now: Timestamp) -> S3Result<Option<Retention>> {
    let mode = header_text(headers, "x-amz-object-lock-mode");
    let until = header_text(headers, "x-amz-object-lock-retain-until-date");
    let (mode, until) = match (mode, until) {
        (None, None) => return Ok(None),
        (Some(mode), Some(until)) => (mode, until),
        _ => {
            return Err(s3_error!(
                InvalidArgument,
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be \
                 supplied"
            ));
        }
    };
    let mode = retention_mode(mode)
        .ok_or_else(|| s3_error!(InvalidArgument, "Unknown wormMode directive."))?;
    let until = http_date(until).ok_or_else(|| {
        s3_error!(InvalidArgument, "The retain until date must be provided in ISO 8601 format")
    })?;
    if until <= now {
        return Err(s3_error!(InvalidArgument, "The retain until date must be in the future!"));
    }
    Ok(Some(Retention { mode, until }))
}

/// The mode of this name.
pub(crate) fn retention_mode(name: &str) -> Option<RetentionMode> {
    match name {
        "GOVERNANCE" => Some(RetentionMode::Governance),
        "COMPLIANCE" => Some(RetentionMode::Compliance),
        _ => None,
    }
}

/// The name of a mode.
pub(crate) fn retention_mode_name(mode: RetentionMode) -> &'static str {
    match mode {
        RetentionMode::Governance => "GOVERNANCE",
        RetentionMode::Compliance => "COMPLIANCE",
    }
}

fn legal_hold(headers: &HeaderMap) -> S3Result<Option<bool>> {
    match header_text(headers, "x-amz-object-lock-legal-hold") {
        None => Ok(None),
        Some("ON") => Ok(Some(true)),
        Some("OFF") => Ok(Some(false)),
        Some(_) => Err(s3_error!(InvalidArgument, "Legal Hold must be either of 'ON' or 'OFF'")),
    }
}

fn storage_class(headers: &HeaderMap) -> S3Result<Option<String>> {
    match header_text(headers, "x-amz-storage-class") {
        None | Some("STANDARD") => Ok(None),
        Some(class) if STORAGE_CLASSES.contains(&class) => Ok(Some(class.to_owned())),
        Some(_) => {
            Err(s3_error!(InvalidStorageClass, "The storage class you specified is not valid"))
        }
    }
}

fn website_redirect(headers: &HeaderMap) -> S3Result<Option<String>> {
    let Some(location) = header_text(headers, "x-amz-website-redirect-location") else {
        return Ok(None);
    };
    if ["/", "http://", "https://"].iter().any(|start| location.starts_with(start)) {
        return Ok(Some(location.to_owned()));
    }
    Err(custom(
        "InvalidRedirectLocation",
        StatusCode::BAD_REQUEST,
        "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
    ))
}

/// `If-Match` and `If-None-Match` of a write.
pub(crate) fn put_condition(headers: &HeaderMap) -> PutCondition {
    PutCondition {
        if_match: header_text(headers, "if-match").map(etag_match),
        if_none_match: header_text(headers, "if-none-match").map(etag_match),
    }
}

/// `Content-MD5`.
pub(crate) fn content_md5(headers: &HeaderMap) -> S3Result<Option<[u8; 16]>> {
    use base64::Engine as _;
    let Some(text) = header_text(headers, "content-md5") else { return Ok(None) };
    let decoded = base64::engine::general_purpose::STANDARD.decode(text).ok();
    let digest = decoded.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let invalid = || s3_error!(InvalidDigest, "The Content-MD5 you specified is not valid.");
    digest.ok_or_else(invalid).map(Some)
}

/// The length of the body without its framing, where it is announced.
pub(crate) fn decoded_length(headers: &HeaderMap) -> S3Result<Option<units::ByteCount>> {
    let text = header_text(headers, "x-amz-decoded-content-length")
        .or_else(|| header_text(headers, "content-length"));
    let Some(text) = text else { return Ok(None) };
    let bytes = text
        .parse()
        .map_err(|_| s3_error!(InvalidArgument, "The length of the body is not a number"))?;
    Ok(Some(units::ByteCount::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::ETag;
    use catalog::command::ETagMatch;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Stored, String> {
        Stored::of(&headers(pairs), None, Timestamp::from_seconds(1_700_000_000))
            .map_err(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn what_is_kept() {
        let stored = read(&[
            ("content-type", "text/plain"),
            ("expires", "whenever"),
            ("content-encoding", "aws-chunked,gzip"),
            ("x-amz-meta-a", "1"),
            ("x-amz-tagging", "k=v"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z"),
            ("x-amz-object-lock-legal-hold", "ON"),
            ("x-amz-website-redirect-location", "/there"),
        ])
        .expect("stored");
        assert_eq!(stored.headers.content_type.as_deref(), Some("text/plain"));
        assert_eq!(stored.headers.expires.as_deref(), Some("whenever"));
        assert_eq!(stored.headers.content_encoding.as_deref(), Some("gzip"));
        assert_eq!(stored.metadata, [("a".to_owned(), "1".to_owned())]);
        assert_eq!(stored.tags.map(|tags| tags.len()), Some(1));
        assert_eq!(stored.storage_class.as_deref(), Some("STANDARD_IA"));
        assert_eq!(stored.retention.map(|r| r.until.seconds()), Some(1_893_456_000));
        assert_eq!(stored.legal_hold, Some(true));
        assert_eq!(stored.website_redirect.as_deref(), Some("/there"));
        assert_eq!(read(&[]).expect("stored").storage_class, None);
    }

    #[test]
    fn what_is_refused() {
        let check = |pairs: &[(&'static str, &'static str)], expected: &str| {
            assert_eq!(read(pairs).err().as_deref(), Some(expected), "{pairs:?}");
        };
        check(&[("x-amz-object-lock-mode", "GOVERNANCE")], "InvalidArgument");
        let until = ("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z");
        check(&[until], "InvalidArgument");
        check(&[("x-amz-object-lock-mode", "governance"), until], "InvalidArgument");
        let past = ("x-amz-object-lock-retain-until-date", "2001-01-01T00:00:00Z");
        check(&[("x-amz-object-lock-mode", "COMPLIANCE"), past], "InvalidArgument");
        check(&[("x-amz-object-lock-legal-hold", "on")], "InvalidArgument");
        check(&[("x-amz-storage-class", "COLD")], "InvalidStorageClass");
        check(&[("x-amz-website-redirect-location", "there")], "InvalidRedirectLocation");
    }

    #[test]
    fn preconditions() {
        let one = || Some(ETagMatch::OneOf(vec![ETag::parse("a")]));
        let check = |pairs: &[(&'static str, &'static str)], if_match, if_none_match| {
            let expected = PutCondition { if_match, if_none_match };
            assert_eq!(put_condition(&headers(pairs)), expected, "{pairs:?}");
        };
        check(&[], None, None);
        check(&[("if-none-match", "*")], None, Some(ETagMatch::Any));
        check(&[("if-none-match", "\"a\"")], None, one());
        check(&[("if-match", "\"a\"")], one(), None);
        check(&[("if-match", "*")], Some(ETagMatch::Any), None);
    }
}
