//! Cross-origin rules: read and write.

use s3s::dto::{
    DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput, GetBucketCorsOutput,
    PutBucketCorsInput, PutBucketCorsOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketCors`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_cors(
    _face: &Face,
    _req: S3Request<GetBucketCorsInput>,
) -> S3Result<S3Response<GetBucketCorsOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketCors is not served"))
}

/// Serves `PutBucketCors`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_cors(
    _face: &Face,
    _req: S3Request<PutBucketCorsInput>,
) -> S3Result<S3Response<PutBucketCorsOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketCors is not served"))
}

/// Serves `DeleteBucketCors`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket_cors(
    _face: &Face,
    _req: S3Request<DeleteBucketCorsInput>,
) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucketCors is not served"))
}
