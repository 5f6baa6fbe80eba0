//! Object ownership.

use catalog::{Ownership, Refusal, SettingKind};
use http::StatusCode;
use s3s::dto::{
    DeleteBucketOwnershipControlsInput, DeleteBucketOwnershipControlsOutput,
    GetBucketOwnershipControlsInput, GetBucketOwnershipControlsOutput, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule, PutBucketOwnershipControlsInput,
    PutBucketOwnershipControlsOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::{acl, store, stored, to_bytes};
use crate::Face;
use crate::error::{custom, failed, malformed_xml};
use crate::gate;

/// What the word means.
pub(crate) fn of_dto(text: &ObjectOwnership) -> S3Result<Ownership> {
    match text.as_str() {
        ObjectOwnership::BUCKET_OWNER_ENFORCED => Ok(Ownership::BucketOwnerEnforced),
        ObjectOwnership::BUCKET_OWNER_PREFERRED => Ok(Ownership::BucketOwnerPreferred),
        ObjectOwnership::OBJECT_WRITER => Ok(Ownership::ObjectWriter),
        _ => Err(malformed_xml()),
    }
}

/// The one rule of a document.
pub(crate) fn rule(ownership: Ownership) -> OwnershipControlsRule {
    let text = match ownership {
        Ownership::BucketOwnerEnforced => ObjectOwnership::BUCKET_OWNER_ENFORCED,
        Ownership::BucketOwnerPreferred => ObjectOwnership::BUCKET_OWNER_PREFERRED,
        Ownership::ObjectWriter => ObjectOwnership::OBJECT_WRITER,
    };
    OwnershipControlsRule { object_ownership: ObjectOwnership::from_static(text) }
}

/// Serves `GetBucketOwnershipControls`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_ownership_controls(
    _face: &Face,
    req: S3Request<GetBucketOwnershipControlsInput>,
) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
    gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let document: Option<OwnershipControls> = stored(bucket, SettingKind::OwnershipControls)?;
    let document = document.ok_or_else(|| {
        custom(
            "OwnershipControlsNotFoundError",
            StatusCode::NOT_FOUND,
            "The bucket ownership controls were not found",
        )
    })?;
    Ok(S3Response::new(GetBucketOwnershipControlsOutput { ownership_controls: Some(document) }))
}

/// Serves `PutBucketOwnershipControls`.
pub(crate) async fn put_bucket_ownership_controls(
    face: &Face,
    req: S3Request<PutBucketOwnershipControlsInput>,
) -> S3Result<S3Response<PutBucketOwnershipControlsOutput>> {
    let [asked] = req.input.ownership_controls.rules.as_slice() else {
        return Err(malformed_xml());
    };
    let ownership = of_dto(&asked.object_ownership)?;
    let bucket = gate::bucket(&req.extensions)?;
    let private = acl::private(bucket.owner().id);
    if ownership == Ownership::BucketOwnerEnforced && acl::of_bucket(bucket)? != private {
        return Err(failed(Refusal::OwnershipForbidsAcl.into()));
    }
    let authorised = gate::authorised(&req.extensions)?;
    face.objects
        .bucket_ownership_set(authorised, bucket.name(), Some(ownership))
        .await
        .map_err(failed)?;
    let bytes = to_bytes(&OwnershipControls { rules: vec![rule(ownership)] })?;
    store(face, &req.extensions, SettingKind::OwnershipControls, Some(bytes)).await?;
    Ok(S3Response::new(PutBucketOwnershipControlsOutput {}))
}

/// Serves `DeleteBucketOwnershipControls`.
pub(crate) async fn delete_bucket_ownership_controls(
    face: &Face,
    req: S3Request<DeleteBucketOwnershipControlsInput>,
) -> S3Result<S3Response<DeleteBucketOwnershipControlsOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    face.objects
        .bucket_ownership_set(authorised, bucket.name(), Some(face.default_ownership()))
        .await
        .map_err(failed)?;
    store(face, &req.extensions, SettingKind::OwnershipControls, None).await?;
    Ok(S3Response::new(DeleteBucketOwnershipControlsOutput {}))
}
