//! DELETE object.

use catalog::DeleteDone;
use catalog::command::DeleteCondition;
use http::HeaderMap;
use objects::DeleteObject;
use s3s::dto::{DeleteObjectInput, DeleteObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use units::ByteCount;

use super::conditional::{etag_match, http_date};
use super::{answer, bucket_name, header_text, object_key, version_ask};
use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `DeleteObject`.
pub(crate) async fn delete_object(
    face: &Face,
    req: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let ask = DeleteObject {
        key: object_key(&req.input.key)?,
        version: version_ask(req.input.version_id.as_deref())?,
        condition: condition(&req.headers)?,
    };
    let bypass = gate::bypass_governance(&req.extensions);
    let authorised = gate::authorised(&req.extensions)?;
    let outcome = face
        .objects
        .object_delete(authorised, &bucket_name(&req.input.bucket)?, ask, bypass)
        .await
        .map_err(failed)?;
    Ok(S3Response::with_headers(DeleteObjectOutput::default(), answer_headers(&outcome)))
}

fn answer_headers(outcome: &DeleteDone) -> HeaderMap {
    let mut headers = HeaderMap::new();
    answer::version_changed(&mut headers, outcome.version);
    if outcome.delete_marker {
        answer::put(&mut headers, "x-amz-delete-marker", "true");
    }
    headers
}

/// `If-Match` and its companions.
fn condition(headers: &HeaderMap) -> S3Result<DeleteCondition> {
    let size = header_text(headers, "x-amz-if-match-size")
        .map(|text| {
            text.parse().map(ByteCount::new).map_err(|_| {
                s3_error!(InvalidArgument, "x-amz-if-match-size is not a number of bytes")
            })
        })
        .transpose()?;
    let modified = header_text(headers, "x-amz-if-match-last-modified-time")
        .map(|text| {
            http_date(text).ok_or_else(|| {
                s3_error!(InvalidArgument, "x-amz-if-match-last-modified-time is not a date")
            })
        })
        .transpose()?;
    let if_match = header_text(headers, "if-match").map(etag_match);
    Ok(DeleteCondition { if_match, size, modified })
}
