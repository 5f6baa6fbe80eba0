//! GET bucket, second version of the listing.

use s3s::dto::{ListObjectsV2Input, ListObjectsV2Output};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `ListObjectsV2`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn list_objects_v2(
    _face: &Face,
    _req: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    Err(s3_error!(NotImplemented, "ListObjectsV2 is not served"))
}
