//! GET bucket location.

use s3s::dto::{GetBucketLocationInput, GetBucketLocationOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketLocation`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_location(
    _face: &Face,
    _req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketLocation is not served"))
}
