//! The block on public access.

use s3s::dto::{
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetPublicAccessBlockInput,
    GetPublicAccessBlockOutput, PutPublicAccessBlockInput, PutPublicAccessBlockOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetPublicAccessBlock`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_public_access_block(
    _face: &Face,
    _req: S3Request<GetPublicAccessBlockInput>,
) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
    Err(s3_error!(NotImplemented, "GetPublicAccessBlock is not served"))
}

/// Serves `PutPublicAccessBlock`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_public_access_block(
    _face: &Face,
    _req: S3Request<PutPublicAccessBlockInput>,
) -> S3Result<S3Response<PutPublicAccessBlockOutput>> {
    Err(s3_error!(NotImplemented, "PutPublicAccessBlock is not served"))
}

/// Serves `DeletePublicAccessBlock`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn delete_public_access_block(
    _face: &Face,
    _req: S3Request<DeletePublicAccessBlockInput>,
) -> S3Result<S3Response<DeletePublicAccessBlockOutput>> {
    Err(s3_error!(NotImplemented, "DeletePublicAccessBlock is not served"))
}
