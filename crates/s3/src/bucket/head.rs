//! HEAD bucket: does it exist, and may the caller see it.

use http::{HeaderMap, HeaderValue};
use s3s::dto::{HeadBucketInput, HeadBucketOutput};
use s3s::{S3Request, S3Response, S3Result};

use crate::Face;
use crate::gate;

/// Serves `HeadBucket`. The gate has found the bucket and asked.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn head_bucket(
    face: &Face,
    req: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    gate::authorised(&req.extensions)?;
    let mut headers = HeaderMap::new();
    if let Ok(region) = HeaderValue::from_str(face.region()) {
        headers.insert("x-amz-bucket-region", region);
    }
    Ok(S3Response::with_headers(HeadBucketOutput::default(), headers))
}
