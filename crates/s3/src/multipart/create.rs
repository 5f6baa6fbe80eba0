//! POST object uploads: begin a multipart upload.

use s3s::dto::{CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `CreateMultipartUpload`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn create_multipart_upload(
    _face: &Face,
    _req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    Err(s3_error!(NotImplemented, "CreateMultipartUpload is not served"))
}
