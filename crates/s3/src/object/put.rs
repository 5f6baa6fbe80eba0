//! PUT object.

use s3s::dto::{PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `PutObject`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_object(
    _face: &Face,
    _req: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    Err(s3_error!(NotImplemented, "PutObject is not served"))
}
