//! DELETE object.

use s3s::dto::{DeleteObjectInput, DeleteObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `DeleteObject`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_object(
    _face: &Face,
    _req: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    Err(s3_error!(NotImplemented, "DeleteObject is not served"))
}
