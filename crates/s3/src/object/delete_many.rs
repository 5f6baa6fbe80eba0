//! POST bucket delete: many objects at once.

use s3s::dto::{DeleteObjectsInput, DeleteObjectsOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `DeleteObjects`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_objects(
    _face: &Face,
    _req: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    Err(s3_error!(NotImplemented, "DeleteObjects is not served"))
}
