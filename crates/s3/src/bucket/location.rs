//! GET bucket location.

use s3s::dto::{BucketLocationConstraint, GetBucketLocationInput, GetBucketLocationOutput};
use s3s::{S3Request, S3Response, S3Result};

use crate::Face;
use crate::gate;

/// The region whose name S3 leaves out.
const UNNAMED: &str = "us-east-1";

/// Serves `GetBucketLocation`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_location(
    face: &Face,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    gate::authorised(&req.extensions)?;
    let region = face.region();
    let location_constraint =
        (region != UNNAMED).then(|| BucketLocationConstraint::from(region.to_owned()));
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
}
