//! PUT object part from another object.

use s3s::dto::{UploadPartCopyInput, UploadPartCopyOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `UploadPartCopy`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn upload_part_copy(
    _face: &Face,
    _req: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    Err(s3_error!(NotImplemented, "UploadPartCopy is not served"))
}
