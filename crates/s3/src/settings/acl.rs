//! Access control lists: the three ways in which S3 lets them be written, and
//! the bucket's own list.
//!
//! 1. canned, in `x-amz-acl`;
//! 2. as grants, in `x-amz-grant-*`;
//! 3. as an `AccessControlPolicy` document.
//!
//! Amazon S3 User Guide, "Access control list (ACL) overview".

use access::Caller;
use catalog::record::Record;
use catalog::{Acl, Canned, EmailAddress, Grant, Grantee, Ownership, Permission, SettingKind};
use http::HeaderMap;
use http::StatusCode;
use s3s::dto::{
    self, AccessControlPolicy, GetBucketAclInput, GetBucketAclOutput, PutBucketAclInput,
    PutBucketAclOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use units::TenantId;

use super::owner_of;
use crate::Face;
use crate::error::{custom, failed, invalid_argument, invalid_request, malformed_xml};
use crate::gate::{self, Bucket};
use crate::limits::GRANTS_MAX;

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// Headers that grant, and what.
const GRANT_HEADERS: [(&str, Permission); 5] = [
    ("x-amz-grant-full-control", Permission::FullControl),
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
];

/// Serves `GetBucketAcl`.
pub(crate) async fn get_bucket_acl(
    face: &Face,
    req: S3Request<GetBucketAclInput>,
) -> S3Result<S3Response<GetBucketAclOutput>> {
    gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let acl = of_bucket(bucket)?;
    let output = GetBucketAclOutput {
        grants: Some(to_grants(face, &acl).await?),
        owner: Some(owner_of(bucket.owner())),
    };
    Ok(S3Response::new(output))
}

/// The bucket's list; private if it has none.
pub(crate) fn of_bucket(bucket: &Bucket) -> S3Result<Acl> {
    let owner = bucket.owner().id;
    match bucket.facts.setting(SettingKind::Acl) {
        _ if bucket.ownership() == Ownership::BucketOwnerEnforced => Ok(private(owner)),
        Some(bytes) => Acl::decode(bytes).map_err(|_| s3_error!(InternalError)),
        None => Ok(private(owner)),
    }
}

/// Serves `PutBucketAcl`.
pub(crate) async fn put_bucket_acl(
    face: &Face,
    req: S3Request<PutBucketAclInput>,
) -> S3Result<S3Response<PutBucketAclOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let owner = bucket.owner().id;
    let from_headers = from_headers(face, &req.headers, owner, owner).await?;
    let acl = match (from_headers, &req.input.access_control_policy) {
        (Some(_), Some(_)) => return Err(unexpected_content()),
        (Some(acl), None) => acl,
        (None, Some(policy)) => from_policy(face, policy, owner).await?,
        (None, None) => {
            return Err(s3_error!(
                MissingSecurityHeader,
                "Your request was missing a required header"
            ));
        }
    };
    allowed_here(bucket, &acl)?;
    let bytes = (acl != private(owner)).then(|| acl.encode().into());
    let name = bucket.name();
    face.objects
        .bucket_setting_set(authorised, name, SettingKind::Acl, bytes)
        .await
        .map_err(failed)?;
    Ok(S3Response::new(PutBucketAclOutput {}))
}

fn unexpected_content() -> S3Error {
    s3_error!(UnexpectedContent, "This request does not support content")
}

/// Ownership and the public-access block have a say in what may be granted.
pub(crate) fn allowed_here(bucket: &Bucket, acl: &Acl) -> S3Result {
    let enforced = bucket.ownership() == Ownership::BucketOwnerEnforced;
    // Where the owner stated the rule, it is kept to the letter.
    if bucket.states_enforced() || enforced && changes_something(bucket, acl) {
        return Err(not_supported());
    }
    if bucket.rules.public_access_block.block_public_acls && access::acl_is_public(acl) {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    Ok(())
}

fn not_supported() -> S3Error {
    custom(
        "AccessControlListNotSupported",
        StatusCode::BAD_REQUEST,
        "The bucket does not allow ACLs",
    )
}

/// Whether the list says more than that the owner has everything.
fn changes_something(bucket: &Bucket, acl: &Acl) -> bool {
    let owner = bucket.owner().id;
    acl.grants.iter().any(|grant| grant.grantee != Grantee::Tenant(owner))
        && acl.grants.iter().any(|grant| grant.grantee != Grantee::Tenant(acl.owner))
}

/// The list that the headers of a write to an object ask for.
///
/// Without a word of it the writer owns the object only where the bucket's
/// ownership says so.
pub(crate) async fn asked(
    face: &Face,
    headers: &HeaderMap,
    caller: &Caller,
    bucket: &Bucket,
) -> S3Result<Option<Acl>> {
    let bucket_owner = bucket.owner().id;
    let writer = caller.tenant().unwrap_or(bucket_owner);
    let canned = headers.get("x-amz-acl").map(http::HeaderValue::as_bytes);
    let gives = canned == Some(b"bucket-owner-full-control".as_slice());
    let owner = match bucket.ownership() {
        Ownership::BucketOwnerEnforced => bucket_owner,
        Ownership::BucketOwnerPreferred if gives => bucket_owner,
        Ownership::BucketOwnerPreferred | Ownership::ObjectWriter => writer,
    };
    let acl = from_headers(face, headers, owner, bucket_owner).await?;
    let enforced = bucket.ownership() == Ownership::BucketOwnerEnforced;
    if let Some(acl) = acl.as_ref().filter(|_| !(enforced && gives)) {
        allowed_here(bucket, acl)?;
    }
    let plain = acl.is_none() && owner == bucket_owner;
    Ok(if plain || enforced { None } else { Some(acl.unwrap_or_else(|| private(owner))) })
}

/// The list that headers ask for; `None` if they say nothing.
pub(crate) async fn from_headers(
    face: &Face,
    headers: &HeaderMap,
    owner: TenantId,
    bucket_owner: TenantId,
) -> S3Result<Option<Acl>> {
    let canned = headers.get("x-amz-acl").filter(|value| !value.is_empty());
    let mut grants = Vec::new();
    for (name, permission) in GRANT_HEADERS {
        for value in headers.get_all(name) {
            let value =
                value.to_str().map_err(|_| invalid_argument("Argument format not recognized"))?;
            for text in value.split(',').map(str::trim).filter(|text| !text.is_empty()) {
                grants.push(Grant { grantee: grantee_of_header(face, text).await?, permission });
            }
        }
    }
    if grants.len() > GRANTS_MAX {
        return Err(invalid_argument("Too many grants"));
    }
    match (canned, grants.is_empty()) {
        (None, true) => Ok(None),
        (Some(_), false) => {
            Err(invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"))
        }
        (None, false) => Ok(Some(Acl { owner, canned: None, grants })),
        (Some(value), true) => {
            let canned = value.to_str().ok().and_then(canned_of);
            let canned = canned.ok_or_else(|| invalid_argument(""))?;
            Ok(Some(of_canned(canned, owner, bucket_owner)))
        }
    }
}

fn canned_of(text: &str) -> Option<Canned> {
    Some(match text {
        "private" => Canned::Private,
        "public-read" => Canned::PublicRead,
        "public-read-write" => Canned::PublicReadWrite,
        "authenticated-read" => Canned::AuthenticatedRead,
        "bucket-owner-read" => Canned::BucketOwnerRead,
        "bucket-owner-full-control" => Canned::BucketOwnerFullControl,
        "log-delivery-write" => Canned::LogDeliveryWrite,
        "aws-exec-read" => Canned::AwsExecRead,
        _ => return None,
    })
}

/// Only the owner, with everything.
pub(crate) fn private(owner: TenantId) -> Acl {
    of_canned(Canned::Private, owner, owner)
}

/// The grants that a canned list stands for.
pub(crate) fn of_canned(canned: Canned, owner: TenantId, bucket_owner: TenantId) -> Acl {
    let grant = |grantee, permission| Grant { grantee, permission };
    let mut grants = vec![grant(Grantee::Tenant(owner), Permission::FullControl)];
    match canned {
        Canned::PublicRead => grants.push(grant(Grantee::AllUsers, Permission::Read)),
        Canned::PublicReadWrite => {
            grants.push(grant(Grantee::AllUsers, Permission::Read));
            grants.push(grant(Grantee::AllUsers, Permission::Write));
        }
        Canned::AuthenticatedRead => {
            grants.push(grant(Grantee::AuthenticatedUsers, Permission::Read));
        }
        Canned::BucketOwnerRead if owner != bucket_owner => {
            grants.push(grant(Grantee::Tenant(bucket_owner), Permission::Read));
        }
        Canned::BucketOwnerFullControl if owner != bucket_owner => {
            grants.push(grant(Grantee::Tenant(bucket_owner), Permission::FullControl));
        }
        Canned::Private
        | Canned::AwsExecRead
        | Canned::BucketOwnerRead
        | Canned::BucketOwnerFullControl => {}
        Canned::LogDeliveryWrite => {
            grants.push(grant(Grantee::LogDelivery, Permission::Write));
            grants.push(grant(Grantee::LogDelivery, Permission::ReadAcp));
        }
    }
    Acl { owner, canned: None, grants }
}

/// `id="…"`, `uri="…"` or `emailAddress="…"`.
async fn grantee_of_header(face: &Face, text: &str) -> S3Result<Grantee> {
    let (kind, value) =
        text.split_once('=').ok_or_else(|| invalid_argument("Argument format not recognized"))?;
    let value = value.trim().trim_matches('"');
    match kind.trim() {
        "id" => tenant(face, value).await,
        "uri" => group(value),
        "emailAddress" => by_email(face, value).await,
        _ => Err(invalid_argument("Argument format not recognized")),
    }
}

async fn tenant(face: &Face, id: &str) -> S3Result<Grantee> {
    let invalid = || invalid_argument("Invalid id");
    let id: TenantId = id.parse().map_err(|_| invalid())?;
    let tenant = face.objects.tenant_facts(id).await.map_err(failed)?;
    tenant.map(|tenant| Grantee::Tenant(tenant.id)).ok_or_else(invalid)
}

fn group(uri: &str) -> S3Result<Grantee> {
    match uri {
        ALL_USERS => Ok(Grantee::AllUsers),
        AUTHENTICATED_USERS => Ok(Grantee::AuthenticatedUsers),
        LOG_DELIVERY => Ok(Grantee::LogDelivery),
        _ => Err(invalid_argument("Invalid group uri")),
    }
}

async fn by_email(face: &Face, email: &str) -> S3Result<Grantee> {
    let unknown = || {
        S3Error::with_message(
            S3ErrorCode::UnresolvableGrantByEmailAddress,
            "The e-mail address you provided does not match any account on record.",
        )
    };
    let email = EmailAddress::new(email.to_lowercase()).map_err(|_| unknown())?;
    let tenant = face.objects.tenant_by_email(&email).await.map_err(failed)?;
    tenant.map(|tenant| Grantee::Tenant(tenant.id)).ok_or_else(unknown)
}

/// The list that an `AccessControlPolicy` document says; the owner stays.
pub(crate) async fn from_policy(
    face: &Face,
    policy: &AccessControlPolicy,
    owner: TenantId,
) -> S3Result<Acl> {
    let malformed = || s3_error!(MalformedACLError);
    let named = policy.owner.as_ref().and_then(|owner| owner.id.as_deref());
    if named.is_some_and(|named| named != owner.to_string()) {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    let list = policy.grants.as_deref().unwrap_or_default();
    if list.len() > GRANTS_MAX {
        return Err(malformed());
    }
    let mut grants = Vec::with_capacity(list.len());
    for grant in list {
        let grantee = grant.grantee.as_ref().ok_or_else(malformed)?;
        let permission = grant.permission.as_ref().ok_or_else(malformed)?;
        grants.push(Grant {
            grantee: grantee_of_document(face, grantee).await?,
            permission: permission_of(permission.as_str()).ok_or_else(malformed)?,
        });
    }
    Ok(Acl { owner, canned: None, grants })
}

async fn grantee_of_document(face: &Face, grantee: &dto::Grantee) -> S3Result<Grantee> {
    match (grantee.type_.as_str(), &grantee.id, &grantee.uri, &grantee.email_address) {
        ("Group", _, Some(uri), _) => group(uri),
        ("CanonicalUser", Some(id), _, _) => tenant(face, id).await,
        ("AmazonCustomerByEmail", _, _, Some(email)) => by_email(face, email).await,
        _ => Err(malformed_xml()),
    }
}

fn permission_of(text: &str) -> Option<Permission> {
    Some(match text {
        "FULL_CONTROL" => Permission::FullControl,
        "READ" => Permission::Read,
        "WRITE" => Permission::Write,
        "READ_ACP" => Permission::ReadAcp,
        "WRITE_ACP" => Permission::WriteAcp,
        _ => return None,
    })
}

/// The grants of a list, as the protocol library's documents take them.
pub(crate) async fn to_grants(face: &Face, acl: &Acl) -> S3Result<Vec<dto::Grant>> {
    let mut grants = Vec::with_capacity(acl.grants.len());
    // Groups come first: readers look there for what is public.
    let is_account = |grant: &&Grant| matches!(grant.grantee, Grantee::Tenant(_));
    let (accounts, groups): (Vec<&Grant>, Vec<&Grant>) = acl.grants.iter().partition(is_account);
    for grant in groups.into_iter().chain(accounts) {
        let grantee = match grant.grantee {
            Grantee::Tenant(id) => {
                let tenant = face.objects.tenant_facts(id).await.map_err(failed)?;
                dto::Grantee {
                    display_name: tenant.map(|tenant| tenant.name.as_str().to_owned()),
                    email_address: None,
                    id: Some(id.to_string()),
                    type_: dto::Type::from_static("CanonicalUser"),
                    uri: None,
                }
            }
            Grantee::AllUsers => group_grantee(ALL_USERS),
            Grantee::AuthenticatedUsers => group_grantee(AUTHENTICATED_USERS),
            Grantee::LogDelivery => group_grantee(LOG_DELIVERY),
        };
        let permission = match grant.permission {
            Permission::FullControl => "FULL_CONTROL",
            Permission::Read => "READ",
            Permission::Write => "WRITE",
            Permission::ReadAcp => "READ_ACP",
            Permission::WriteAcp => "WRITE_ACP",
        };
        grants.push(dto::Grant {
            grantee: Some(grantee),
            permission: Some(dto::Permission::from_static(permission)),
        });
    }
    Ok(grants)
}

fn group_grantee(uri: &str) -> dto::Grantee {
    dto::Grantee {
        display_name: None,
        email_address: None,
        id: None,
        type_: dto::Type::from_static("Group"),
        uri: Some(uri.to_owned()),
    }
}
