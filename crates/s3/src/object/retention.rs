//! Object retention.

use s3s::dto::{
    GetObjectRetentionInput, GetObjectRetentionOutput, PutObjectRetentionInput,
    PutObjectRetentionOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetObjectRetention`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_object_retention(
    _face: &Face,
    _req: S3Request<GetObjectRetentionInput>,
) -> S3Result<S3Response<GetObjectRetentionOutput>> {
    Err(s3_error!(NotImplemented, "GetObjectRetention is not served"))
}

/// Serves `PutObjectRetention`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_object_retention(
    _face: &Face,
    _req: S3Request<PutObjectRetentionInput>,
) -> S3Result<S3Response<PutObjectRetentionOutput>> {
    Err(s3_error!(NotImplemented, "PutObjectRetention is not served"))
}
