//! Object lock: whether on, and the default retention.

use s3s::dto::{
    GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput,
    PutObjectLockConfigurationInput, PutObjectLockConfigurationOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetObjectLockConfiguration`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_object_lock_configuration(
    _face: &Face,
    _req: S3Request<GetObjectLockConfigurationInput>,
) -> S3Result<S3Response<GetObjectLockConfigurationOutput>> {
    Err(s3_error!(NotImplemented, "GetObjectLockConfiguration is not served"))
}

/// Serves `PutObjectLockConfiguration`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_object_lock_configuration(
    _face: &Face,
    _req: S3Request<PutObjectLockConfigurationInput>,
) -> S3Result<S3Response<PutObjectLockConfigurationOutput>> {
    Err(s3_error!(NotImplemented, "PutObjectLockConfiguration is not served"))
}
