//! PUT object part.

use s3s::dto::{UploadPartInput, UploadPartOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `UploadPart`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn upload_part(
    _face: &Face,
    _req: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    Err(s3_error!(NotImplemented, "UploadPart is not served"))
}
