//! Static website configuration.

use s3s::dto::{
    DeleteBucketWebsiteInput, DeleteBucketWebsiteOutput, GetBucketWebsiteInput,
    GetBucketWebsiteOutput, PutBucketWebsiteInput, PutBucketWebsiteOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketWebsite`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_website(
    _face: &Face,
    _req: S3Request<GetBucketWebsiteInput>,
) -> S3Result<S3Response<GetBucketWebsiteOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketWebsite is not served"))
}

/// Serves `PutBucketWebsite`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_website(
    _face: &Face,
    _req: S3Request<PutBucketWebsiteInput>,
) -> S3Result<S3Response<PutBucketWebsiteOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketWebsite is not served"))
}

/// Serves `DeleteBucketWebsite`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_bucket_website(
    _face: &Face,
    _req: S3Request<DeleteBucketWebsiteInput>,
) -> S3Result<S3Response<DeleteBucketWebsiteOutput>> {
    Err(s3_error!(NotImplemented, "DeleteBucketWebsite is not served"))
}
