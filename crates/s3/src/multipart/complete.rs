//! POST object uploadId: finish a multipart upload.

use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `CompleteMultipartUpload`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn complete_multipart_upload(
    _face: &Face,
    _req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    Err(s3_error!(NotImplemented, "CompleteMultipartUpload is not served"))
}
