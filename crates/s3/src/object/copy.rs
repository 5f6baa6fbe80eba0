//! PUT object from another object.

use s3s::dto::{CopyObjectInput, CopyObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `CopyObject`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn copy_object(
    _face: &Face,
    _req: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    Err(s3_error!(NotImplemented, "CopyObject is not served"))
}
