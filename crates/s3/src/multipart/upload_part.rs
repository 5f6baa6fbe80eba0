//! PUT ?partNumber&uploadId: one part.

use http::HeaderMap;
use objects::{PartOutcome, PutPart};
use s3s::dto::{UploadPartInput, UploadPartOutput};
use s3s::{S3Request, S3Response, S3Result};

use super::upload_name;
use crate::Face;
use crate::error::failed;
use crate::gate;
use crate::object::chunked::ChunkFindings;
use crate::object::get::part_number;
use crate::object::{answer, body, checksums, sse, stored};

/// Serves `UploadPart`.
pub(crate) async fn upload_part(
    face: &Face,
    mut req: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let findings = req.extensions.get::<ChunkFindings>().cloned();
    let ask = PutPart {
        upload: upload_name(&req.input.bucket, &req.input.key, &req.input.upload_id)?,
        part: part_number(req.input.part_number)?,
        length: stored::decoded_length(&req.headers)?,
        md5: stored::content_md5(&req.headers)?,
        checksum: checksums::asked(&req.headers, checksums::trailers_of(&req))?,
        customer_key: sse::customer_key(&req.headers, "x-amz-")?,
    };
    let claimed = ask.checksum.algorithm.is_some();
    let bytes = body::incoming(req.input.body.take(), findings);
    let authorised = gate::authorised(&req.extensions)?;
    let outcome = face.objects.upload_part_put(authorised, ask, bytes).await.map_err(failed)?;
    Ok(S3Response::with_headers(UploadPartOutput::default(), headers_of(&outcome, claimed)))
}

/// The headers of an answer about a part.
fn headers_of(outcome: &PartOutcome, with_checksum: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    answer::put(&mut headers, "etag", &answer::quoted(&outcome.etag.to_string()));
    sse::answer(&mut headers, &outcome.encryption);
    if let Some(checksum) = outcome.checksum.as_ref().filter(|_| with_checksum) {
        checksums::answer_value(&mut headers, checksum, None);
    }
    headers
}
