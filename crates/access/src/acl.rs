//! Access control lists: the classic grants of buckets and objects (S3 User
//! Guide, "Access control list (ACL) overview"): what they let through. How they
//! are written is the face's matter.

use crate::{Acl, Action, Caller, Grantee, Permission};

/// Whether a list grants anything to everybody, or to everybody with a key.
pub fn is_public(acl: &Acl) -> bool {
    acl.grants.iter().any(|grant| is_public_grantee(grant.grantee))
}

const fn is_public_grantee(grantee: Grantee) -> bool {
    matches!(grantee, Grantee::AllUsers | Grantee::AuthenticatedUsers)
}

/// Which permission on the bucket's list lets this action through.
pub(crate) const fn bucket_permission(action: Action) -> Option<Permission> {
    Some(match action {
        Action::ListBucket | Action::ListBucketVersions | Action::ListBucketMultipartUploads => {
            Permission::Read
        }
        Action::PutObject
        | Action::DeleteObject
        | Action::AbortMultipartUpload
        | Action::ListMultipartUploadParts => Permission::Write,
        Action::GetBucketAcl => Permission::ReadAcp,
        Action::PutBucketAcl => Permission::WriteAcp,
        _ => return None,
    })
}

/// Which permission on the object's list lets this action through.
pub(crate) const fn object_permission(action: Action) -> Option<Permission> {
    Some(match action {
        Action::GetObject
        | Action::GetObjectVersion
        | Action::GetObjectAttributes
        | Action::GetObjectVersionAttributes
        | Action::GetObjectTorrent => Permission::Read,
        Action::GetObjectAcl | Action::GetObjectVersionAcl => Permission::ReadAcp,
        Action::PutObjectAcl | Action::PutObjectVersionAcl => Permission::WriteAcp,
        _ => return None,
    })
}

/// Whether a list grants a permission to a caller, and whether only to him as
/// one of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    /// Not at all.
    No,
    /// As one of everybody.
    Publicly,
    /// By name.
    ByName,
}

pub(crate) fn granted(acl: &Acl, caller: &Caller, permission: Permission) -> Granted {
    let mut found = Granted::No;
    for grant in &acl.grants {
        if grant.permission != permission && grant.permission != Permission::FullControl {
            continue;
        }
        match grant.grantee {
            Grantee::Tenant(tenant) if caller.tenant() == Some(tenant) => return Granted::ByName,
            Grantee::AllUsers => found = Granted::Publicly,
            Grantee::AuthenticatedUsers if caller.tenant().is_some() => found = Granted::Publicly,
            _ => {}
        }
    }
    found
}
