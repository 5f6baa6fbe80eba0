//! COPY object.

use http::HeaderMap;
use objects::{CopyObject, CopySource, HeadersAsk, ObjectError, TagsAsk};
use s3s::dto::{ChecksumType, CopyObjectInput, CopyObjectOutput, CopyObjectResult};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::metadata::LatinHeaders;
use super::stored::{self, Stored};
use super::{answer, checksums, conditional, header_text, object_name, owner, sse};
use crate::Face;
use crate::date;
use crate::error::failed;
use crate::gate::{self, SourceName, copy_source};

/// Serves `CopyObject`.
pub(crate) async fn copy_object(
    face: &Face,
    req: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let ask = ask(face, &req)?;
    let authorised = gate::authorised(&req.extensions)?;
    let source = gate::authorised_source(&req.extensions)?;
    let outcome = face.objects.object_copy(source, authorised, ask).await.map_err(copy_failed)?;

    let mut headers = HeaderMap::new();
    answer::version_written(&mut headers, outcome.version);
    if let Some(version) = outcome.source_version {
        answer::put(&mut headers, "x-amz-copy-source-version-id", &version.to_string());
    }
    sse::answer(&mut headers, &outcome.encryption);
    let mut result = CopyObjectResult {
        e_tag: Some(s3s::dto::ETag::Strong(outcome.etag.to_string())),
        last_modified: Some(date::dto(outcome.modified)),
        ..CopyObjectResult::default()
    };
    if let Some(checksum) = &outcome.checksum {
        let value = checksums::value_text(checksum, None);
        *checksums::slot!(result, checksum.algorithm) = Some(value);
        result.checksum_type = Some(ChecksumType::from_static(checksums::kind_name(checksum.kind)));
    }
    let output =
        CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() };
    Ok(S3Response::with_headers(output, headers))
}

/// A copy has no 304: a source that is unchanged fails the condition.
pub(crate) fn copy_failed(error: ObjectError) -> S3Error {
    match error {
        ObjectError::NotModified { .. } => s3_error!(PreconditionFailed),
        error => failed(error),
    }
}

/// The source of a copy, from the headers.
pub(crate) fn source(headers: &HeaderMap) -> S3Result<CopySource> {
    let SourceName { bucket, key, version } =
        copy_source(header_text(headers, "x-amz-copy-source").unwrap_or_default())?;
    Ok(CopySource {
        name: object_name(&bucket, &key)?,
        version,
        conditions: conditional::read_conditions(headers, "x-amz-copy-source-"),
        customer_key: sse::customer_key(headers, "x-amz-copy-source-")?,
    })
}

fn ask(face: &Face, req: &S3Request<CopyObjectInput>) -> S3Result<CopyObject> {
    let headers = &req.headers;
    let source = source(headers)?;
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let stored = Stored::of(headers, req.extensions.get::<LatinHeaders>(), face.now())?;
    let replaces_headers = replaces(headers, "x-amz-metadata-directive")?;
    let replaces_tags = replaces(headers, "x-amz-tagging-directive")?;
    let checksum = header_text(headers, "x-amz-checksum-algorithm")
        .map(checksums::algorithm_named)
        .transpose()?;
    Ok(CopyObject {
        source,
        name,
        condition: stored::put_condition(headers),
        headers: if replaces_headers {
            HeadersAsk::Replaced { headers: stored.headers, metadata: stored.metadata }
        } else {
            HeadersAsk::Copied
        },
        tags: if replaces_tags {
            TagsAsk::Replaced(stored.tags.unwrap_or_default())
        } else if gate::copies_tags(&req.extensions) {
            TagsAsk::Copied
        } else {
            TagsAsk::Replaced(Vec::new())
        },
        checksum,
        retention: stored.retention,
        legal_hold: stored.legal_hold,
        encryption: sse::asked_in(face, headers, gate::judge(&req.extensions)?)?,
        storage_class: stored.storage_class,
        acl: gate::acl_asked(&req.extensions)?,
        website_redirect: stored.website_redirect,
        owner: owner::of_writer(gate::judge(&req.extensions)?, headers),
    })
}

/// Whether a directive says `REPLACE`.
fn replaces(headers: &HeaderMap, directive: &str) -> S3Result<bool> {
    match header_text(headers, directive) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(s3_error!(InvalidArgument, "Unknown {directive}.")),
    }
}
