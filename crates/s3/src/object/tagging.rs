//! Object tags.

use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, PutObjectTaggingInput, PutObjectTaggingOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetObjectTagging`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_object_tagging(
    _face: &Face,
    _req: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    Err(s3_error!(NotImplemented, "GetObjectTagging is not served"))
}

/// Serves `PutObjectTagging`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_object_tagging(
    _face: &Face,
    _req: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    Err(s3_error!(NotImplemented, "PutObjectTagging is not served"))
}

/// Serves `DeleteObjectTagging`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_object_tagging(
    _face: &Face,
    _req: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    Err(s3_error!(NotImplemented, "DeleteObjectTagging is not served"))
}
