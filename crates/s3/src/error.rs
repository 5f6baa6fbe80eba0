//! What went wrong, in S3's words.
//!
//! One table for every verb: [`failed`] takes what `objects` answers to the code
//! that S3 has for it (Amazon S3 API Reference, "Error responses"). What only an
//! operator may know stays in the log.

use catalog::{ETag, QuotaSubject, Refusal, VersionName};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use objects::{BodyError, ObjectError};
use s3s::{S3Error, S3ErrorCode, s3_error};
use units::Timestamp;

/// What a client reads whose write does not fit into its bucket's quota, and can do.
const QUOTA_OF_BUCKET: &str = "The quota of this bucket would be exceeded. Delete objects, \
     versions or unfinished uploads from it, or ask the operator for more \
     (essaim bucket quota).";

/// The same for the tenant's.
const QUOTA_OF_TENANT: &str = "The quota of the tenant that owns this bucket would be \
     exceeded. Delete objects, versions or unfinished uploads from its buckets, or ask the \
     operator for more (essaim tenant quota).";

/// The S3 error for an error of `objects`.
pub(crate) fn failed(error: ObjectError) -> S3Error {
    match error {
        ObjectError::Refused(refusal) => refused(refusal),
        ObjectError::Body(error) => body(&error),
        error => other(error),
    }
}

/// A code the library does not know, with its status.
pub(crate) fn custom(
    code: &'static str,
    status: StatusCode,
    message: impl Into<String>,
) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message.into());
    error.set_status_code(status);
    error
}

/// An `InvalidArgument` with its sentence.
pub(crate) fn invalid_argument(message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidArgument, message.into())
}

/// An `InvalidRequest` with its sentence.
pub(crate) fn invalid_request(message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidRequest, message.into())
}

/// A document that does not say what it must.
pub(crate) fn malformed_xml() -> S3Error {
    s3_error!(
        MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema"
    )
}

fn refused(refusal: Refusal) -> S3Error {
    match refusal {
        Refusal::NoSuchBucket => s3_error!(NoSuchBucket),
        Refusal::BucketExists { owned_by_caller: true } => s3_error!(BucketAlreadyOwnedByYou),
        Refusal::BucketExists { owned_by_caller: false } => s3_error!(BucketAlreadyExists),
        Refusal::BucketNotEmpty => s3_error!(BucketNotEmpty),
        Refusal::InvalidBucketState => s3_error!(
            InvalidBucketState,
            "The request is not valid with the current state of the bucket."
        ),
        Refusal::BucketLockMissing => {
            s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration")
        }
        Refusal::OwnershipForbidsAcl => custom(
            "InvalidBucketAclWithObjectOwnership",
            StatusCode::BAD_REQUEST,
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        ),
        Refusal::NoSuchKey { marker } => no_such_key(marker),
        Refusal::NoSuchVersion => s3_error!(NoSuchVersion),
        Refusal::IsDeleteMarker { version, modified } => marker_named(version, modified),
        Refusal::NoSuchUpload => s3_error!(NoSuchUpload),
        Refusal::InvalidPart { .. } | Refusal::PartGone { .. } => s3_error!(InvalidPart),
        Refusal::InvalidPartOrder => s3_error!(InvalidPartOrder),
        Refusal::EntityTooSmall { .. } => s3_error!(EntityTooSmall),
        Refusal::EntityTooLarge { .. } => s3_error!(EntityTooLarge),
        Refusal::SizeMismatch { claimed, actual } => s3_error!(
            InvalidRequest,
            "The parts have {actual} bytes, and not the {claimed} bytes that were announced"
        ),
        Refusal::PreconditionFailed { .. } => s3_error!(PreconditionFailed),
        Refusal::ConditionalConflict => custom(
            "ConditionalRequestConflict",
            StatusCode::CONFLICT,
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        ),
        Refusal::ObjectLocked { .. } => {
            s3_error!(AccessDenied, "Access Denied because object protected by object lock.")
        }
        Refusal::RetentionInPast => {
            s3_error!(InvalidArgument, "The retain until date must be in the future!")
        }
        Refusal::QuotaExceeded { subject } => custom(
            "QuotaExceeded",
            StatusCode::FORBIDDEN,
            match subject {
                QuotaSubject::Bucket => QUOTA_OF_BUCKET,
                QuotaSubject::Tenant => QUOTA_OF_TENANT,
            },
        ),
        Refusal::TooLarge { what, max } => {
            s3_error!(InvalidArgument, "{what} is larger than its limit of {max}")
        }
        Refusal::TooMany { max } => custom(
            "TooManyBuckets",
            StatusCode::BAD_REQUEST,
            format!("You have attempted to create more buckets than allowed ({max})"),
        ),
        Refusal::TenantSuspended | Refusal::TenantErased | Refusal::NoSuchTenant => {
            s3_error!(AccessDenied)
        }
        Refusal::MapChanged { .. } | Refusal::DiskUnknown { .. } => s3_error!(
            ServiceUnavailable,
            "The sites of the cluster have just changed. Please try again."
        ),
        refusal => {
            tracing::error!(%refusal, "the catalog refused what no S3 request can ask");
            s3_error!(InternalError)
        }
    }
}

/// `NoSuchKey`; with the headers that tell of a delete marker, if one stands there.
fn no_such_key(marker: Option<VersionName>) -> S3Error {
    let mut error = s3_error!(NoSuchKey);
    error.set_headers(if let Some(version) = marker {
        marker_headers(&version)
    } else {
        let no = HeaderValue::from_static("false");
        HeaderMap::from_iter([(HeaderName::from_static("x-amz-delete-marker"), no)])
    });
    error
}

/// The named version is a delete marker: only DELETE is allowed on it.
fn marker_named(version: VersionName, modified: Timestamp) -> S3Error {
    let mut error = s3_error!(MethodNotAllowed);
    let mut headers = marker_headers(&version);
    headers.insert(header::ALLOW, HeaderValue::from_static("DELETE"));
    if let Ok(value) = HeaderValue::from_str(&crate::date::http_date(modified)) {
        headers.insert(header::LAST_MODIFIED, value);
    }
    error.set_headers(headers);
    error
}

fn marker_headers(version: &VersionName) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(value) = HeaderValue::from_str(&version.to_string()) {
        headers.insert("x-amz-version-id", value);
    }
    headers
}

fn body(error: &BodyError) -> S3Error {
    match error {
        BodyError::SignatureMismatch => s3_error!(SignatureDoesNotMatch),
        BodyError::DigestMismatch => custom(
            "XAmzContentSHA256Mismatch",
            StatusCode::BAD_REQUEST,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        BodyError::Malformed { reason } => invalid_request(reason.clone()),
        BodyError::TimedOut => s3_error!(RequestTimeout),
        BodyError::Broken { .. } => s3_error!(IncompleteBody),
    }
}

fn other(error: ObjectError) -> S3Error {
    match error {
        ObjectError::Refused(refusal) => refused(refusal),
        ObjectError::Body(error) => body(&error),
        ObjectError::DeleteMarker { version, named: true, modified } => {
            marker_named(version, modified)
        }
        ObjectError::DeleteMarker { version, named: false, .. } => no_such_key(Some(version)),
        ObjectError::PreconditionFailed { .. } => s3_error!(PreconditionFailed),
        ObjectError::NotModified { etag, modified } => not_modified(&etag, modified),
        ObjectError::RangeNotSatisfiable { size } => {
            let mut error = s3_error!(InvalidRange);
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
                headers.insert(header::CONTENT_RANGE, value);
            }
            error.set_headers(headers);
            error
        }
        // Amazon's service answers 416 InvalidPartNumber here; the field's conformance
        // suite and the other stores answer as for a part that is not there.
        ObjectError::NoSuchPart => {
            s3_error!(InvalidPart, "The requested partnumber is not satisfiable")
        }
        ObjectError::IncompleteBody { .. } => s3_error!(IncompleteBody),
        ObjectError::EntityTooLarge { .. } => s3_error!(EntityTooLarge),
        ObjectError::BadDigest => s3_error!(BadDigest),
        ObjectError::ChecksumMismatch { algorithm } => s3_error!(
            BadDigest,
            "The {algorithm} you specified did not match the calculated checksum."
        ),
        ObjectError::ChecksumMalformed { algorithm } => s3_error!(
            BadDigest,
            "Value for x-amz-checksum-{} header is invalid.",
            algorithm.to_ascii_lowercase()
        ),
        ObjectError::ChecksumTypeMismatch { asked, declared } => s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {declared}, actual checksum Type: {asked}"
        ),
        error => unserved(error),
    }
}

fn unserved(error: ObjectError) -> S3Error {
    match error {
        ObjectError::CustomerKeyRequired => s3_error!(
            InvalidRequest,
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
        ),
        ObjectError::CustomerKeyInvalid { reason } => s3_error!(InvalidArgument, "{reason}"),
        ObjectError::CustomerKeyMismatch => s3_error!(
            InvalidRequest,
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
        ),
        ObjectError::TenantKeyUnavailable { name } => custom(
            "KMS.NotFoundException",
            StatusCode::BAD_REQUEST,
            format!("Key '{name}' does not exist"),
        ),
        ObjectError::Invalid { reason } => invalid_request(reason),
        ObjectError::CopyOntoItself => s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ),
        ObjectError::SlowDown { .. } => s3_error!(SlowDown),
        ObjectError::NotServed { what } => s3_error!(NotImplemented, "{what} is not implemented"),
        // Neither is told here: the node's status has it, and the log once.
        ObjectError::Full | ObjectError::CatalogFull(_) => custom(
            "InsufficientStorage",
            StatusCode::INSUFFICIENT_STORAGE,
            "The site has no room left.",
        ),
        // How many disks there are is the operator's to know: the node's status has it.
        ObjectError::OneDiskLeft { .. } => s3_error!(
            ServiceUnavailable,
            "What is written now would not survive the loss of a disk, so nothing is until more disks of this site take writes."
        ),
        ObjectError::DisksUnreachable { .. } => s3_error!(
            ServiceUnavailable,
            "Disks that hold this object are missing or do not answer. Please try again later."
        ),
        // Whoever may write here is told what the policy lacks: nobody else can mend it.
        ObjectError::NotPlaced { reason } => {
            tracing::warn!(%reason, "a write could not be placed");
            s3_error!(ServiceUnavailable, "What is written cannot be placed now: {reason}")
        }
        ObjectError::CutOff => s3_error!(
            ServiceUnavailable,
            "This site is cut off from the others: it reads what it knew, and writes nothing until most of the voting sites can be reached."
        ),
        ObjectError::RulesChanged => begin_again(),
        error @ ObjectError::Unavailable { .. } => {
            tracing::warn!(%error, "a verb could not be carried out now");
            s3_error!(
                ServiceUnavailable,
                "The site cannot carry this out at the moment. Please try again later."
            )
        }
        // Not told here: the node reminds its operator, once for all requests.
        ObjectError::Clock(_) => s3_error!(
            ServiceUnavailable,
            "Nothing is written until the operator of this site has looked at its clock, which jumped ahead, and set it right or typed: essaim confirm clock"
        ),
        error => {
            tracing::error!(%error, "a verb failed inside");
            s3_error!(InternalError)
        }
    }
}

/// What a request is told that was decided hastily and must not be: it is begun again, and
/// no client sees this; see `server::haste`.
pub(crate) fn begin_again() -> S3Error {
    s3_error!(OperationAborted)
}

/// 304 carries the validators and nothing else.
fn not_modified(etag: &ETag, modified: Timestamp) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    error.set_status_code(StatusCode::NOT_MODIFIED);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&format!("\"{etag}\"")) {
        headers.insert(header::ETAG, value);
    }
    if let Ok(value) = HeaderValue::from_str(&crate::date::http_date(modified)) {
        headers.insert(header::LAST_MODIFIED, value);
    }
    error.set_headers(headers);
    error
}
