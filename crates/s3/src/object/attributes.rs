//! GET object attributes.

use s3s::dto::{GetObjectAttributesInput, GetObjectAttributesOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetObjectAttributes`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_object_attributes(
    _face: &Face,
    _req: S3Request<GetObjectAttributesInput>,
) -> S3Result<S3Response<GetObjectAttributesOutput>> {
    Err(s3_error!(NotImplemented, "GetObjectAttributes is not served"))
}
