//! Bucket versioning: read and switch.

use catalog::Versioning;
use s3s::dto::{
    BucketVersioningStatus, GetBucketVersioningInput, GetBucketVersioningOutput,
    PutBucketVersioningInput, PutBucketVersioningOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;
use crate::error::{failed, malformed_xml};
use crate::gate;

/// Serves `GetBucketVersioning`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_versioning(
    _face: &Face,
    req: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    gate::authorised(&req.extensions)?;
    let status = match gate::bucket(&req.extensions)?.facts.bucket.versioning {
        Versioning::Off => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    Ok(S3Response::new(GetBucketVersioningOutput {
        mfa_delete: None,
        status: status.map(BucketVersioningStatus::from_static),
    }))
}

/// Serves `PutBucketVersioning`.
pub(crate) async fn put_bucket_versioning(
    face: &Face,
    req: S3Request<PutBucketVersioningInput>,
) -> S3Result<S3Response<PutBucketVersioningOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let asked = &req.input.versioning_configuration;
    if asked.mfa_delete.as_ref().is_some_and(|mfa| mfa.as_str() == "Enabled") {
        return Err(s3_error!(NotImplemented, "MFA delete is not implemented"));
    }
    let versioning = match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        None => {
            return Err(s3_error!(
                IllegalVersioningConfigurationException,
                "The Versioning element must be specified"
            ));
        }
        Some(_) => return Err(malformed_xml()),
    };
    let name = gate::bucket(&req.extensions)?.name();
    face.objects.bucket_versioning_set(authorised, name, versioning).await.map_err(failed)?;
    Ok(S3Response::new(PutBucketVersioningOutput {}))
}
