//! Default encryption.

use s3s::dto::{
    DeleteBucketEncryptionInput, DeleteBucketEncryptionOutput, GetBucketEncryptionInput,
    GetBucketEncryptionOutput, PutBucketEncryptionInput, PutBucketEncryptionOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketEncryption`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_encryption(
    _face: &Face,
    _req: S3Request<GetBucketEncryptionInput>,
) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketEncryption is not served"))
}

/// Serves `PutBucketEncryption`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_encryption(
    _face: &Face,
    _req: S3Request<PutBucketEncryptionInput>,
) -> S3Result<S3Response<PutBucketEncryptionOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketEncryption is not served"))
}

/// Serves `DeleteBucketEncryption`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket_encryption(
    _face: &Face,
    _req: S3Request<DeleteBucketEncryptionInput>,
) -> S3Result<S3Response<DeleteBucketEncryptionOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucketEncryption is not served"))
}
