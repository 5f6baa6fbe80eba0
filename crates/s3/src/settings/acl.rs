//! Bucket access control lists.

use s3s::dto::{GetBucketAclInput, GetBucketAclOutput, PutBucketAclInput, PutBucketAclOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketAcl`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_acl(
    _face: &Face,
    _req: S3Request<GetBucketAclInput>,
) -> S3Result<S3Response<GetBucketAclOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketAcl is not served"))
}

/// Serves `PutBucketAcl`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_acl(
    _face: &Face,
    _req: S3Request<PutBucketAclInput>,
) -> S3Result<S3Response<PutBucketAclOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketAcl is not served"))
}
