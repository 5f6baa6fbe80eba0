//! PUT ?partNumber&uploadId with a copy source: a part out of another object.

use http::HeaderMap;
use objects::CopyPart;
use s3s::dto::{CopyPartResult, ETag, UploadPartCopyInput, UploadPartCopyOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::upload_name;
use crate::Face;
use crate::date;
use crate::gate;
use crate::object::conditional::copy_range;
use crate::object::get::part_number;
use crate::object::{answer, checksums, copy, header_text, sse};

/// Serves `UploadPartCopy`.
pub(crate) async fn upload_part_copy(
    face: &Face,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let range = header_text(&req.headers, "x-amz-copy-source-range")
        .map(|text| {
            copy_range(text).ok_or_else(|| {
                s3_error!(
                    InvalidArgument,
                    "The x-amz-copy-source-range value must be of the form bytes=first-last where \
                     first and last are the zero-based offsets of the first and last bytes to copy"
                )
            })
        })
        .transpose()?;
    let ask = CopyPart {
        source: copy::source(&req.headers)?,
        range,
        upload: upload_name(&req.input.bucket, &req.input.key, &req.input.upload_id)?,
        part: part_number(req.input.part_number)?,
        customer_key: sse::customer_key(&req.headers, "x-amz-")?,
    };
    let authorised = gate::authorised(&req.extensions)?;
    let source = gate::authorised_source(&req.extensions)?;
    let outcome =
        face.objects.upload_part_copy(source, authorised, ask).await.map_err(copy::copy_failed)?;

    let mut headers = HeaderMap::new();
    if let Some(version) = outcome.source_version {
        answer::put(&mut headers, "x-amz-copy-source-version-id", &version.to_string());
    }
    sse::answer(&mut headers, &outcome.encryption);
    let mut result = CopyPartResult {
        e_tag: Some(ETag::Strong(outcome.etag.to_string())),
        last_modified: Some(date::dto(outcome.modified)),
        ..CopyPartResult::default()
    };
    if let Some(checksum) = &outcome.checksum {
        *checksums::slot!(result, checksum.algorithm) = Some(checksums::value_text(checksum, None));
    }
    let output =
        UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() };
    Ok(S3Response::with_headers(output, headers))
}
