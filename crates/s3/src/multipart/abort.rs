//! DELETE ?uploadId: give an upload up.

use s3s::dto::{AbortMultipartUploadInput, AbortMultipartUploadOutput};
use s3s::{S3Request, S3Response, S3Result};

use super::upload_name;
use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `AbortMultipartUpload`.
pub(crate) async fn abort_multipart_upload(
    face: &Face,
    req: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let upload = upload_name(&req.input.bucket, &req.input.key, &req.input.upload_id)?;
    let authorised = gate::authorised(&req.extensions)?;
    face.objects.upload_abort(authorised, &upload).await.map_err(failed)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}
