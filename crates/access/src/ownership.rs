//! Whose objects are, and the classic grants (until the catalog's records are at hand).

use units::TenantId;

/// The name of a bucket.
pub type BucketName = String;

/// What narrows a key below its tenant's rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyScope {
    /// Only these buckets; `None`: all that the tenant may reach.
    pub buckets: Option<Vec<BucketName>>,
    /// Nothing that writes.
    pub read_only: bool,
}

/// Who owns what others write into the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// The bucket's owner owns everything; access control lists have no effect.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner, if the writer says `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// The writer.
    ObjectWriter,
}

/// Who is granted something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// An account.
    Tenant(TenantId),
    /// Everybody.
    AllUsers,
    /// Everybody with a valid key.
    AuthenticatedUsers,
    /// The log delivery group.
    LogDelivery,
}

/// What is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `FULL_CONTROL`
    FullControl,
    /// `READ`
    Read,
    /// `WRITE`
    Write,
    /// `READ_ACP`
    ReadAcp,
    /// `WRITE_ACP`
    WriteAcp,
}

/// One grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// An access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Who owns the bucket or object.
    pub owner: TenantId,
    /// The grants, in the order they were given.
    pub grants: Vec<Grant>,
}
