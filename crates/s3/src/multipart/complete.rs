//! POST ?uploadId: make the object out of its parts.

use catalog::{Checksum, ChecksumKind, PartAsk};
use http::HeaderMap;
use objects::CompleteUpload;
use s3s::dto::{
    ChecksumType, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use units::{ByteCount, PartNumber};

use super::upload_name;
use crate::Face;
use crate::error::failed;
use crate::gate;
use crate::object::conditional::entity_tag;
use crate::object::{answer, checksums, header_text, sse, stored};

/// Serves `CompleteMultipartUpload`.
pub(crate) async fn complete_multipart_upload(
    face: &Face,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let headers = &req.headers;
    let parts = req.input.multipart_upload.as_ref().and_then(|document| document.parts.as_ref());
    let parts = parts.filter(|parts| !parts.is_empty()).ok_or_else(malformed)?;
    let size = header_text(headers, "x-amz-mp-object-size")
        .map(|text| text.parse().map(ByteCount::new))
        .transpose()
        .map_err(|_| s3_error!(InvalidRequest, "x-amz-mp-object-size is not a number"))?;
    let ask = CompleteUpload {
        upload: upload_name(&req.input.bucket, &req.input.key, &req.input.upload_id)?,
        parts: last_of_each(parts.iter().map(line).collect::<S3Result<Vec<_>>>()?),
        condition: stored::put_condition(headers),
        checksum: checksums::claimed(headers)?,
        checksum_kind: header_text(headers, "x-amz-checksum-type")
            .map(checksums::kind_named)
            .transpose()?,
        size,
        customer_key: sse::customer_key(headers, "x-amz-")?,
    };
    let count = u16::try_from(ask.parts.len()).ok();
    let authorised = gate::authorised(&req.extensions)?;
    let outcome = face.objects.upload_complete(authorised, ask).await.map_err(failed)?;

    let mut answered = HeaderMap::new();
    answer::version_written(&mut answered, outcome.version);
    sse::answer(&mut answered, &outcome.encryption);
    let mut output = CompleteMultipartUploadOutput {
        e_tag: Some(ETag::Strong(outcome.etag.to_string())),
        location: Some(location(&req.uri, headers)),
        ..CompleteMultipartUploadOutput::default()
    };
    if let Some(checksum) = &outcome.checksum {
        *checksums::slot!(output, checksum.algorithm) =
            Some(checksums::value_text(checksum, count));
        output.checksum_type = Some(ChecksumType::from_static(checksums::kind_name(checksum.kind)));
    }
    output.bucket = Some(req.input.bucket);
    output.key = Some(req.input.key);
    Ok(S3Response::with_headers(output, answered))
}

/// The address of the object, as the client reached it.
fn location(uri: &http::Uri, headers: &HeaderMap) -> String {
    let host = header_text(headers, "host").unwrap_or_default();
    format!("http://{host}{}", uri.path())
}

fn malformed() -> s3s::S3Error {
    s3_error!(
        MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema"
    )
}

/// A client that sent a part again may name both; the later line counts.
fn last_of_each(mut parts: Vec<PartAsk>) -> Vec<PartAsk> {
    parts.reverse();
    parts.dedup_by_key(|part| part.number);
    parts.reverse();
    parts
}

/// One line of the document.
fn line(part: &CompletedPart) -> S3Result<PartAsk> {
    let number = part.part_number.and_then(|number| u16::try_from(number).ok());
    let number = number.filter(|number| *number > 0).ok_or_else(malformed)?;
    let etag = part.e_tag.as_ref().ok_or_else(malformed)?;
    let digests = [
        (catalog::ChecksumAlgorithm::Crc32, part.checksum_crc32.as_deref()),
        (catalog::ChecksumAlgorithm::Crc32c, part.checksum_crc32c.as_deref()),
        (catalog::ChecksumAlgorithm::Crc64Nvme, part.checksum_crc64nvme.as_deref()),
        (catalog::ChecksumAlgorithm::Sha1, part.checksum_sha1.as_deref()),
        (catalog::ChecksumAlgorithm::Sha256, part.checksum_sha256.as_deref()),
    ];
    let checksum = digests.into_iter().find_map(|(algorithm, text)| {
        let value = checksums::value_bytes(text?);
        Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value })
    });
    Ok(PartAsk {
        number: PartNumber::new(number),
        etag: catalog::ETag::parse(entity_tag(etag.value())),
        checksum,
    })
}
