//! HEAD object.

use s3s::dto::{HeadObjectInput, HeadObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `HeadObject`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn head_object(
    _face: &Face,
    _req: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    Err(s3_error!(NotImplemented, "HeadObject is not served"))
}
