//! The headers of an answer about one version.

use catalog::{ObjectVersion, VersionName, Versioning};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use objects::ObjectHead;

use super::stored::retention_mode_name;
use super::{checksums, metadata, sse};
use crate::date::{http_date, iso_date};
use crate::gate::Judge;

/// The type of objects that were given none.
const TYPE_DEFAULT: &str = "binary/octet-stream";

/// Puts a text into the headers; what no header can hold is left out.
pub(crate) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Puts a kept text into the headers, in the bytes it was sent in.
fn put_kept(headers: &mut HeaderMap, name: &'static str, text: Option<&String>) {
    if let Some(value) = text.and_then(|text| metadata::answered(text)) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// An entity tag in its quotes.
pub(crate) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// Everything that a GET or HEAD tells of a version, ranges excepted.
pub(crate) fn of_version(version: &ObjectVersion, versioned: bool) -> HeaderMap {
    let (head, detail) = (&version.head, &version.detail);
    let mut headers = HeaderMap::new();
    put(&mut headers, "etag", &quoted(&head.etag.to_string()));
    put(&mut headers, "last-modified", &http_date(head.modified));
    put(&mut headers, "accept-ranges", "bytes");
    let kept = &detail.headers;
    match kept.content_type.as_deref() {
        Some(_) => put_kept(&mut headers, "content-type", kept.content_type.as_ref()),
        None => put(&mut headers, "content-type", TYPE_DEFAULT),
    }
    put_kept(&mut headers, "cache-control", kept.cache_control.as_ref());
    put_kept(&mut headers, "content-disposition", kept.content_disposition.as_ref());
    put_kept(&mut headers, "content-encoding", kept.content_encoding.as_ref());
    put_kept(&mut headers, "content-language", kept.content_language.as_ref());
    put_kept(&mut headers, "expires", kept.expires.as_ref());
    for (key, text) in &detail.metadata {
        let name = HeaderName::from_bytes(format!("x-amz-meta-{key}").as_bytes());
        if let (Ok(name), Some(value)) = (name, metadata::answered(text)) {
            headers.insert(name, value);
        }
    }
    if versioned {
        put(&mut headers, "x-amz-version-id", &head.name().to_string());
    }
    if let Some(class) = head.storage_class.as_deref() {
        put(&mut headers, "x-amz-storage-class", class);
    }
    if !detail.tags.is_empty() {
        headers.insert("x-amz-tagging-count", HeaderValue::from(detail.tags.len()));
    }
    put_kept(&mut headers, "x-amz-website-redirect-location", detail.website_redirect.as_ref());
    lock(&mut headers, version);
    sse::answer(&mut headers, &detail.encryption);
    headers
}

fn lock(headers: &mut HeaderMap, version: &ObjectVersion) {
    if let Some(retention) = version.detail.retention {
        put(headers, "x-amz-object-lock-mode", retention_mode_name(retention.mode));
        put(headers, "x-amz-object-lock-retain-until-date", &iso_date(retention.until));
    }
    if let Some(hold) = version.detail.legal_hold {
        put(headers, "x-amz-object-lock-legal-hold", if hold { "ON" } else { "OFF" });
    }
}

/// The headers of a GET or HEAD: those of the version, the range and the digest.
pub(crate) fn of_head(head: &ObjectHead, with_parts: bool, with_checksum: bool) -> HeaderMap {
    let mut headers = of_version(&head.version, head.versioned);
    let length = head.range.end.saturating_sub(head.range.start);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if head.partial && length > 0 {
        let last = head.range.end.saturating_sub(1);
        let range = format!("bytes {}-{last}/{}", head.range.start, head.version.head.size);
        put(&mut headers, "content-range", &range);
    }
    if let Some(parts) = head.parts_count.filter(|_| with_parts) {
        headers.insert("x-amz-mp-parts-count", HeaderValue::from(parts));
    }
    if let Some(checksum) = head.checksum.as_ref().filter(|_| with_checksum) {
        checksums::answer(&mut headers, checksum, head.parts_count);
        // Also beside the digest of a part stands the kind of the whole.
        if let Some(whole) = &head.version.detail.checksum {
            put(&mut headers, "x-amz-checksum-type", checksums::kind_name(whole.kind));
        }
    }
    headers
}

/// `x-amz-version-id` of what was changed.
pub(crate) fn version_changed(headers: &mut HeaderMap, version: Option<VersionName>) {
    if let Some(version) = version {
        put(headers, "x-amz-version-id", &version.to_string());
    }
}

/// `x-amz-version-id` of what was written; where versioning is suspended, none is made.
pub(crate) fn version_written(headers: &mut HeaderMap, version: Option<VersionName>) {
    version_changed(headers, version.filter(|version| *version != VersionName::Null));
}

/// `x-amz-version-id` of a version that was touched; an unversioned bucket shows none.
pub(crate) fn version_touched(judge: &Judge, version: &ObjectVersion) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let bucket = judge.bucket.as_ref().map(|bucket| bucket.facts.bucket.versioning);
    if bucket.is_some_and(|versioning| versioning != Versioning::Off) {
        put(&mut headers, "x-amz-version-id", &version.head.name().to_string());
    }
    headers
}

/// The overrides that a GET may ask of the answer's headers.
pub(crate) const OVERRIDES: [(&str, &str); 6] = [
    ("response-content-type", "content-type"),
    ("response-content-language", "content-language"),
    ("response-expires", "expires"),
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
];
