//! GET bucket uploads: multipart uploads in progress.

use s3s::dto::{ListMultipartUploadsInput, ListMultipartUploadsOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `ListMultipartUploads`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn list_multipart_uploads(
    _face: &Face,
    _req: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    Err(s3_error!(NotImplemented, "ListMultipartUploads is not served"))
}
