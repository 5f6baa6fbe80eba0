//! PUT bucket: exclusive creation.

use s3s::dto::{CreateBucketInput, CreateBucketOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `CreateBucket`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn create_bucket(
    _face: &Face,
    _req: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    Err(s3_error!(NotImplemented, "CreateBucket is not served"))
}
