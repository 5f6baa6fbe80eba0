//! PUT bucket: exclusive creation.

use access::Action;
use catalog::{Ownership, Refusal};
use http::StatusCode;
use objects::{BucketCreate, ObjectError};
use s3s::dto::{CreateBucketInput, CreateBucketOutput, OwnershipControls};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::Face;
use crate::error::{custom, failed};
use crate::gate;
use crate::settings::{acl, ownership, to_bytes};

/// Serves `CreateBucket`.
pub(crate) async fn create_bucket(
    face: &Face,
    req: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let input = &req.input;
    check_location(face, input)?;
    let name = catalog::BucketName::new(input.bucket.as_str())
        .map_err(|_| s3_error!(InvalidBucketName))?;
    let stated = input.object_ownership.as_ref().map(ownership::of_dto).transpose()?;
    let ownership = stated.unwrap_or(face.default_ownership());
    let tenant = authorised.tenant().ok_or_else(|| s3_error!(AccessDenied))?;
    let acl = acl::from_headers(face, &req.headers, tenant, tenant).await?;
    let acl = acl.filter(|acl| *acl != acl::private(tenant));
    if ownership == Ownership::BucketOwnerEnforced && acl.is_some() {
        return Err(failed(Refusal::OwnershipForbidsAcl.into()));
    }
    let ask = BucketCreate {
        bucket: name.clone(),
        tenant: None,
        object_lock: input.object_lock_enabled_for_bucket.unwrap_or(false),
        ownership: Some(ownership),
        acl: acl.clone(),
    };
    debug_assert_eq!(authorised.action(), Action::CreateBucket, "the gate decided on this verb");
    match face.objects.bucket_create(authorised, ask).await {
        Ok(_) => {}
        Err(ObjectError::Refused(Refusal::BucketExists { owned_by_caller: true })) => {
            again(face, &name, acl.as_ref(), input).await?;
        }
        Err(error) => return Err(failed(error)),
    }
    if let Some(stated) = stated {
        let document = OwnershipControls { rules: vec![ownership::rule(stated)] };
        let bytes = to_bytes(&document)?;
        let kind = catalog::SettingKind::OwnershipControls;
        face.objects
            .bucket_setting_set(authorised, &name, kind, Some(bytes))
            .await
            .map_err(failed)?;
    }
    Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{name}")) }))
}

/// The owner may say the same again; nothing of the bucket changes by it.
async fn again(
    face: &Face,
    name: &catalog::BucketName,
    acl: Option<&catalog::Acl>,
    input: &CreateBucketInput,
) -> S3Result {
    let bucket = gate::bucket_named(face, name.as_str()).await?;
    let kept = acl::of_bucket(&bucket)?;
    let private = acl::private(bucket.owner().id);
    let same_acl = acl.unwrap_or(&private) == &kept;
    let lock = input.object_lock_enabled_for_bucket.unwrap_or(false);
    let same_lock = !lock || bucket.facts.bucket.object_lock.is_some();
    if same_acl && same_lock { Ok(()) } else { Err(s3_error!(BucketAlreadyExists)) }
}

fn check_location(face: &Face, input: &CreateBucketInput) -> S3Result {
    let configuration = input.create_bucket_configuration.as_ref();
    let location = configuration.and_then(|c| c.location_constraint.as_ref());
    let Some(location) = location.map(s3s::dto::BucketLocationConstraint::as_str) else {
        return Ok(());
    };
    if location.is_empty() || location == face.region() {
        return Ok(());
    }
    Err(wrong_location(location, face.region()))
}

fn wrong_location(location: &str, region: &str) -> S3Error {
    custom(
        "InvalidLocationConstraint",
        StatusCode::BAD_REQUEST,
        format!("The specified location-constraint '{location}' is not valid; this is '{region}'"),
    )
}
