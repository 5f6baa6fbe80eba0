//! DELETE bucket: only when empty.

use s3s::dto::{DeleteBucketInput, DeleteBucketOutput};
use s3s::{S3Request, S3Response, S3Result};

use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `DeleteBucket`.
pub(crate) async fn delete_bucket(
    face: &Face,
    req: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let name = gate::bucket(&req.extensions)?.name();
    face.objects.bucket_delete(authorised, name).await.map_err(failed)?;
    Ok(S3Response::new(DeleteBucketOutput {}))
}
