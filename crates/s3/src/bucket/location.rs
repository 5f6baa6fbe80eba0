//! GET bucket location: the region by its name, whatever it is called.

use s3s::dto::{BucketLocationConstraint, GetBucketLocationInput, GetBucketLocationOutput};
use s3s::{S3Request, S3Response, S3Result};

use crate::Face;
use crate::gate;

/// Serves `GetBucketLocation`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_location(
    face: &Face,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    gate::authorised(&req.extensions)?;
    let location_constraint = Some(BucketLocationConstraint::from(face.region().to_owned()));
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
}
