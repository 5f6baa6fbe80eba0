//! Who owns what is written.

use http::HeaderMap;
use s3s::dto::Owner;
use s3s::{S3Result, s3_error};
use units::TenantId;

use super::header_text;
use crate::Face;
use crate::error::failed;
use crate::gate::Judge;

/// The owner of an object about to be written, if not the bucket's owner.
pub(crate) fn of_writer(judge: &Judge, headers: &HeaderMap) -> Option<TenantId> {
    use access::Ownership::{BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter};
    let bucket = judge.bucket.as_ref()?;
    let yields = header_text(headers, "x-amz-acl") == Some("bucket-owner-full-control");
    let writer = match bucket.rules.ownership {
        BucketOwnerEnforced => None,
        BucketOwnerPreferred if yields => None,
        BucketOwnerPreferred | ObjectWriter => judge.caller.tenant(),
    };
    writer.filter(|writer| *writer != bucket.rules.owner)
}

/// An owner as answers show it: the account's id and name.
pub(crate) async fn shown(face: &Face, judge: &Judge, owner: Option<TenantId>) -> S3Result<Owner> {
    let bucket = judge.bucket.as_ref().ok_or_else(|| s3_error!(NoSuchBucket))?;
    let id = owner.unwrap_or(bucket.rules.owner);
    let name = if id == bucket.owner().id {
        Some(bucket.owner().name.to_string())
    } else {
        let tenant = face.objects.tenant_facts(id).await.map_err(failed)?;
        tenant.map(|tenant| tenant.name.to_string())
    };
    Ok(Owner { display_name: name, id: Some(id.to_string()) })
}
