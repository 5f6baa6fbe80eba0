//! HEAD bucket: does it exist, and may the caller see it.

use s3s::dto::{HeadBucketInput, HeadBucketOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `HeadBucket`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn head_bucket(
    _face: &Face,
    _req: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    Err(s3_error!(NotImplemented, "HeadBucket is not served"))
}
