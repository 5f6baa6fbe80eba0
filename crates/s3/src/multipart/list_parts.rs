//! GET object uploadId: the parts so far.

use s3s::dto::{ListPartsInput, ListPartsOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `ListParts`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn list_parts(
    _face: &Face,
    _req: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    Err(s3_error!(NotImplemented, "ListParts is not served"))
}
