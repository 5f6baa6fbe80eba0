//! HEAD object.

use s3s::dto::{HeadObjectInput, HeadObjectOutput};
use s3s::{S3Request, S3Response, S3Result};

use super::expiration;
use super::get::{Read, overrides};
use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `HeadObject`. The server turns an answer with `Content-Range` into a 206.
pub(crate) async fn head_object(
    face: &Face,
    req: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let input = &req.input;
    let ask = Read {
        bucket: &input.bucket,
        key: &input.key,
        version: input.version_id.as_deref(),
        part: input.part_number,
        headers: &req.headers,
    };
    let get = ask.question()?;
    let overrides = overrides(&req.uri, req.credentials.is_none())?;
    let authorised = gate::authorised(&req.extensions)?;
    let head = face.objects.object_head(authorised, get).await.map_err(failed)?;

    let mut headers = ask.answer(&head);
    let judge = gate::judge(&req.extensions)?;
    expiration::answer_version(&mut headers, judge, &input.key, &head.version);
    headers.extend(overrides);
    Ok(S3Response::with_headers(HeadObjectOutput::default(), headers))
}
