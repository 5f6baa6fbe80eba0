//! Bucket policies, and whether they make the bucket public.

use s3s::dto::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, GetBucketPolicyInput, GetBucketPolicyOutput,
    GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput, PutBucketPolicyInput,
    PutBucketPolicyOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketPolicy`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_policy(
    _face: &Face,
    _req: S3Request<GetBucketPolicyInput>,
) -> S3Result<S3Response<GetBucketPolicyOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketPolicy is not served"))
}

/// Serves `PutBucketPolicy`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_policy(
    _face: &Face,
    _req: S3Request<PutBucketPolicyInput>,
) -> S3Result<S3Response<PutBucketPolicyOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketPolicy is not served"))
}

/// Serves `DeleteBucketPolicy`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket_policy(
    _face: &Face,
    _req: S3Request<DeleteBucketPolicyInput>,
) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucketPolicy is not served"))
}

/// Serves `GetBucketPolicyStatus`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_policy_status(
    _face: &Face,
    _req: S3Request<GetBucketPolicyStatusInput>,
) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketPolicyStatus is not served"))
}
