//! GET bucket, first version of the listing.

use s3s::dto::{ListObjectsInput, ListObjectsOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `ListObjects`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn list_objects(
    _face: &Face,
    _req: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    Err(s3_error!(NotImplemented, "ListObjects is not served"))
}
