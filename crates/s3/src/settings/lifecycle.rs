//! Lifecycle rules: read and write.

use s3s::dto::{
    DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, GetBucketLifecycleConfigurationInput,
    GetBucketLifecycleConfigurationOutput, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketLifecycleConfiguration`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_lifecycle_configuration(
    _face: &Face,
    _req: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketLifecycleConfiguration is not served"))
}

/// Serves `PutBucketLifecycleConfiguration`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_lifecycle_configuration(
    _face: &Face,
    _req: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketLifecycleConfiguration is not served"))
}

/// Serves `DeleteBucketLifecycle`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket_lifecycle(
    _face: &Face,
    _req: S3Request<DeleteBucketLifecycleInput>,
) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucketLifecycle is not served"))
}
