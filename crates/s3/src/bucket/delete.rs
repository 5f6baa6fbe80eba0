//! DELETE bucket: only when empty.

use s3s::dto::{DeleteBucketInput, DeleteBucketOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `DeleteBucket`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket(
    _face: &Face,
    _req: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucket is not served"))
}
