//! GET bucket versions.

use s3s::dto::{ListObjectVersionsInput, ListObjectVersionsOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `ListObjectVersions`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn list_object_versions(
    _face: &Face,
    _req: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    Err(s3_error!(NotImplemented, "ListObjectVersions is not served"))
}
