//! Object legal hold.

use s3s::dto::{
    GetObjectLegalHoldInput, GetObjectLegalHoldOutput, PutObjectLegalHoldInput,
    PutObjectLegalHoldOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetObjectLegalHold`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_object_legal_hold(
    _face: &Face,
    _req: S3Request<GetObjectLegalHoldInput>,
) -> S3Result<S3Response<GetObjectLegalHoldOutput>> {
    Err(s3_error!(NotImplemented, "GetObjectLegalHold is not served"))
}

/// Serves `PutObjectLegalHold`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_object_legal_hold(
    _face: &Face,
    _req: S3Request<PutObjectLegalHoldInput>,
) -> S3Result<S3Response<PutObjectLegalHoldOutput>> {
    Err(s3_error!(NotImplemented, "PutObjectLegalHold is not served"))
}
