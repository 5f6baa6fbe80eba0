//! Why not.

use thiserror::Error;

/// A refusal. What a client sees is `AccessDenied`; the reason is for the
/// operator's log and for tests.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("access denied: {reason}")]
pub struct Denied {
    /// Why.
    pub reason: DenyReason,
    /// The object that was to be read does not exist, and the caller may list the
    /// bucket and so may know: `NoSuchKey` is the honest answer. Nothing is
    /// authorised all the same.
    pub absence_shown: bool,
}

/// Why a request was refused.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenyReason {
    /// The key has reached its end date.
    #[error("the access key has expired")]
    KeyExpired,
    /// The key was revoked.
    #[error("the access key was revoked")]
    KeyRevoked,
    /// The caller's account is suspended.
    #[error("the caller's tenant is suspended")]
    TenantSuspended,
    /// The account that owns the bucket is suspended.
    #[error("the bucket owner's tenant is suspended")]
    OwnerSuspended,
    /// The key is for other buckets.
    #[error("the bucket is outside the scope of the access key")]
    KeyScopeBucket,
    /// The key may only read.
    #[error("the access key is read-only")]
    KeyScopeReadOnly,
    /// A statement of the bucket policy denies it.
    #[error("the bucket policy denies it")]
    PolicyDeny,
    /// Nothing allows it.
    #[error("nothing allows it")]
    NothingAllows,
    /// Only an anonymous grant allows it, and the public-access block does not count those.
    #[error("only a public rule allows it, and the public-access block does not let it")]
    PublicAccessBlocked,
    /// Anonymous callers cannot do this at all.
    #[error("an anonymous caller cannot do this")]
    Anonymous,
    /// Only operators of the node may.
    #[error("only an operator may do this")]
    OperatorOnly,
    /// The ask does not name what the action is about.
    #[error("the request does not name what it is about")]
    Incomplete,
}

impl From<DenyReason> for Denied {
    fn from(reason: DenyReason) -> Self {
        Self { reason, absence_shown: false }
    }
}
