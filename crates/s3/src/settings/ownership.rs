//! Object ownership.

use s3s::dto::{
    DeleteBucketOwnershipControlsInput, DeleteBucketOwnershipControlsOutput,
    GetBucketOwnershipControlsInput, GetBucketOwnershipControlsOutput,
    PutBucketOwnershipControlsInput, PutBucketOwnershipControlsOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketOwnershipControls`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_ownership_controls(
    _face: &Face,
    _req: S3Request<GetBucketOwnershipControlsInput>,
) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketOwnershipControls is not served"))
}

/// Serves `PutBucketOwnershipControls`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_ownership_controls(
    _face: &Face,
    _req: S3Request<PutBucketOwnershipControlsInput>,
) -> S3Result<S3Response<PutBucketOwnershipControlsOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketOwnershipControls is not served"))
}

/// Serves `DeleteBucketOwnershipControls`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket_ownership_controls(
    _face: &Face,
    _req: S3Request<DeleteBucketOwnershipControlsInput>,
) -> S3Result<S3Response<DeleteBucketOwnershipControlsOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucketOwnershipControls is not served"))
}
