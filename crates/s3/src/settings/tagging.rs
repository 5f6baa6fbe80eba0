//! Bucket tags.

use s3s::dto::{
    DeleteBucketTaggingInput, DeleteBucketTaggingOutput, GetBucketTaggingInput,
    GetBucketTaggingOutput, PutBucketTaggingInput, PutBucketTaggingOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketTagging`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_tagging(
    _face: &Face,
    _req: S3Request<GetBucketTaggingInput>,
) -> S3Result<S3Response<GetBucketTaggingOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketTagging is not served"))
}

/// Serves `PutBucketTagging`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_tagging(
    _face: &Face,
    _req: S3Request<PutBucketTaggingInput>,
) -> S3Result<S3Response<PutBucketTaggingOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketTagging is not served"))
}

/// Serves `DeleteBucketTagging`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket_tagging(
    _face: &Face,
    _req: S3Request<DeleteBucketTaggingInput>,
) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucketTagging is not served"))
}
