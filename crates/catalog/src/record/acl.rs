//! Access control list: the classic grants, of buckets and objects.
//!
//! ```text
//! 1 | owner 16 | canned? | grants
//! ```
//! Without an access control list the owner has full control and nobody else
//! any; the record exists only if something else was said.

use serde::{Deserialize, Serialize};
use units::TenantId;

/// The lists that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Canned {
    /// `private`
    Private,
    /// `public-read`
    PublicRead,
    /// `public-read-write`
    PublicReadWrite,
    /// `authenticated-read`
    AuthenticatedRead,
    /// `bucket-owner-read`
    BucketOwnerRead,
    /// `bucket-owner-full-control`
    BucketOwnerFullControl,
    /// `log-delivery-write`
    LogDeliveryWrite,
    /// `aws-exec-read`
    AwsExecRead,
}

/// Who is granted something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// An access control list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// Who owns the bucket or object.
    pub owner: TenantId,
    /// The name it was given by, if it was given by name.
    pub canned: Option<Canned>,
    /// The grants, in the order they were given.
    pub grants: Vec<Grant>,
}

impl Acl {
    /// Whether somebody other than these owners is granted anything.
    pub fn grants_others(&self, bucket_owner: TenantId) -> bool {
        self.grants.iter().any(|grant| match grant.grantee {
            Grantee::Tenant(tenant) => tenant != self.owner && tenant != bucket_owner,
            Grantee::AllUsers | Grantee::AuthenticatedUsers | Grantee::LogDelivery => true,
        })
    }
}
