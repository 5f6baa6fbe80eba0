//! `x-amz-copy-source`: which object is copied.
//!
//! ```text
//! ["/"] bucket "/" key ["?versionId=" id]        percent-encoded, id excepted
//! ```

use catalog::{VersionAsk, VersionName};
use percent_encoding::percent_decode_str;
use s3s::{S3Error, S3Result, s3_error};

/// The parsed header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceName {
    /// Bucket name.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Which version.
    pub version: VersionAsk,
}

/// A header that names no object.
pub(crate) fn invalid() -> S3Error {
    s3_error!(
        InvalidArgument,
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
    )
}

/// Reads the header's value.
pub(crate) fn copy_source(text: &str) -> S3Result<SourceName> {
    // The version comes after the last mark: a key may hold the same letters, encoded.
    let (path, version) = match text.rsplit_once("?versionId=") {
        Some((path, version)) => (path, Some(version)),
        None => (text, None),
    };
    let version = match version {
        None => VersionAsk::Current,
        Some(text) => {
            let name: Result<VersionName, _> = text.parse();
            VersionAsk::Named(
                name.map_err(|_| s3_error!(InvalidArgument, "Invalid version id specified"))?,
            )
        }
    };
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| invalid())?;
    let decoded = decoded.strip_prefix('/').unwrap_or(&decoded);
    let (bucket, key) = decoded.split_once('/').ok_or_else(invalid)?;
    if bucket.is_empty() || key.is_empty() {
        return Err(invalid());
    }
    Ok(SourceName { bucket: bucket.to_owned(), key: key.to_owned(), version })
}
