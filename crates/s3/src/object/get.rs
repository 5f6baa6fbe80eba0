//! GET object.

use s3s::dto::{GetObjectInput, GetObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetObject`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_object(
    _face: &Face,
    _req: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    Err(s3_error!(NotImplemented, "GetObject is not served"))
}
