//! The verbs on objects, one per file, and what they share: how headers become
//! questions to `objects`, and answers become headers.

pub(crate) mod acl;
pub(crate) mod answer;
pub(crate) mod attributes;
pub(crate) mod body;
pub(crate) mod checksums;
pub(crate) mod chunked;
pub(crate) mod conditional;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod delete_many;
pub(crate) mod expiration;
pub(crate) mod get;
pub(crate) mod head;
pub(crate) mod legal_hold;
pub(crate) mod metadata;
pub(crate) mod owner;
pub(crate) mod put;
pub(crate) mod retention;
pub(crate) mod sse;
pub(crate) mod stored;
pub(crate) mod tagging;
pub(crate) mod tags;

use catalog::{BucketName, NameError, ObjectKey, VersionAsk, VersionName};
use http::HeaderMap;
use objects::ObjectName;
use s3s::{S3Result, s3_error};

/// A header's text, if it is there once and is ASCII.
pub(crate) fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A header's text; bytes that are not UTF-8 are Latin-1.
pub(crate) fn header_lossy(headers: &HeaderMap, name: &str) -> Option<String> {
    let bytes = headers.get(name)?.as_bytes();
    Some(match core::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    })
}

/// A bucket and a key in it.
pub(crate) fn object_name(bucket: &str, key: &str) -> S3Result<ObjectName> {
    ObjectName::new(bucket, key).map_err(|error| match error {
        NameError::TooLong { .. } => s3_error!(KeyTooLongError),
        _ => s3_error!(NoSuchBucket),
    })
}

/// The key of an object.
pub(crate) fn object_key(key: &str) -> S3Result<ObjectKey> {
    ObjectKey::new(key).map_err(|_| s3_error!(KeyTooLongError))
}

/// The name of a bucket; a text that is none names no bucket.
pub(crate) fn bucket_name(bucket: &str) -> S3Result<BucketName> {
    BucketName::new(bucket).map_err(|_| s3_error!(NoSuchBucket))
}

/// Which version a `versionId` names.
pub(crate) fn version_ask(version_id: Option<&str>) -> S3Result<VersionAsk> {
    let Some(text) = version_id else { return Ok(VersionAsk::Current) };
    match text.parse::<VersionName>() {
        Ok(name) => Ok(VersionAsk::Named(name)),
        Err(_) => Err(s3_error!(InvalidArgument, "Invalid version id specified")),
    }
}
