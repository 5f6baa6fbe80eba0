//! Object access control lists.

use s3s::dto::{GetObjectAclInput, GetObjectAclOutput, PutObjectAclInput, PutObjectAclOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetObjectAcl`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_object_acl(
    _face: &Face,
    _req: S3Request<GetObjectAclInput>,
) -> S3Result<S3Response<GetObjectAclOutput>> {
    Err(s3_error!(NotImplemented, "GetObjectAcl is not served"))
}

/// Serves `PutObjectAcl`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_object_acl(
    _face: &Face,
    _req: S3Request<PutObjectAclInput>,
) -> S3Result<S3Response<PutObjectAclOutput>> {
    Err(s3_error!(NotImplemented, "PutObjectAcl is not served"))
}
