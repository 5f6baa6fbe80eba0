//! Bucket versioning: read and switch.

use s3s::dto::{
    GetBucketVersioningInput, GetBucketVersioningOutput, PutBucketVersioningInput,
    PutBucketVersioningOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketVersioning`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_versioning(
    _face: &Face,
    _req: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketVersioning is not served"))
}

/// Serves `PutBucketVersioning`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_versioning(
    _face: &Face,
    _req: S3Request<PutBucketVersioningInput>,
) -> S3Result<S3Response<PutBucketVersioningOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketVersioning is not served"))
}
