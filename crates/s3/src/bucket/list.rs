//! GET service: the buckets of the caller.

use s3s::dto::{ListBucketsInput, ListBucketsOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `ListBuckets`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn list_buckets(
    _face: &Face,
    _req: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    Err(s3_error!(NotImplemented, "ListBuckets is not served"))
}
