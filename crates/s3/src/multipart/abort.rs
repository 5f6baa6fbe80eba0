//! DELETE object uploadId: give a multipart upload up.

use s3s::dto::{AbortMultipartUploadInput, AbortMultipartUploadOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `AbortMultipartUpload`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn abort_multipart_upload(
    _face: &Face,
    _req: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    Err(s3_error!(NotImplemented, "AbortMultipartUpload is not served"))
}
