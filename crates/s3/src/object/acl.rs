//! The access control list of a version.

use catalog::{Acl, Ownership};
use s3s::dto::{GetObjectAclInput, GetObjectAclOutput, PutObjectAclInput, PutObjectAclOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::{object_name, owner, version_ask};
use crate::Face;
use crate::error::failed;
use crate::gate;
use crate::settings::acl;

/// Serves `GetObjectAcl`.
pub(crate) async fn get_object_acl(
    face: &Face,
    req: S3Request<GetObjectAclInput>,
) -> S3Result<S3Response<GetObjectAclOutput>> {
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let authorised = gate::authorised(&req.extensions)?;
    let record = face.objects.object_record(authorised, &name, version).await.map_err(failed)?;

    let bucket = gate::bucket(&req.extensions)?;
    let bucket_owner = bucket.owner().id;
    let owner = record.head.owner.unwrap_or(bucket_owner);
    let list = match &record.detail.acl {
        Some(list) if bucket.ownership() != Ownership::BucketOwnerEnforced => list.clone(),
        _ => acl::private(owner),
    };
    let shown = owner::shown(face, gate::judge(&req.extensions)?, Some(list.owner)).await?;
    let output = GetObjectAclOutput {
        grants: Some(acl::to_grants(face, &list).await?),
        owner: Some(shown),
        request_charged: None,
    };
    Ok(S3Response::new(output))
}

/// Serves `PutObjectAcl`.
pub(crate) async fn put_object_acl(
    face: &Face,
    req: S3Request<PutObjectAclInput>,
) -> S3Result<S3Response<PutObjectAclOutput>> {
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let authorised = gate::authorised(&req.extensions)?;
    let record = face.objects.object_record(authorised, &name, version).await.map_err(failed)?;

    let bucket = gate::bucket(&req.extensions)?;
    let bucket_owner = bucket.owner().id;
    let owner = record.head.owner.unwrap_or(bucket_owner);
    let from_headers = acl::from_headers(face, &req.headers, owner, bucket_owner).await?;
    let list: Acl = match (from_headers, &req.input.access_control_policy) {
        (Some(_), Some(_)) => {
            return Err(s3_error!(UnexpectedContent, "This request does not support content"));
        }
        (Some(list), None) => list,
        (None, Some(policy)) => acl::from_policy(face, policy, owner).await?,
        (None, None) => {
            return Err(s3_error!(
                MissingSecurityHeader,
                "Your request was missing a required header"
            ));
        }
    };
    acl::allowed_here(bucket, &list)?;
    face.objects.object_acl_set(authorised, &name, version, Some(list)).await.map_err(failed)?;
    Ok(S3Response::new(PutObjectAclOutput::default()))
}
