//! Who asks.

use units::{TenantId, Timestamp};

use crate::KeyScope;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular: the request carried no signature.
    Anonymous,
    /// The holder of an access key whose signature was verified.
    Identity(Box<Identity>),
}

/// The holder of an access key, as the catalog knows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// Whether the account is suspended: nothing is served to it.
    pub tenant_suspended: bool,
    /// The user inside the account; `None`: the account itself (root).
    pub user: Option<String>,
    /// The access key id.
    pub access_key: String,
    /// What narrows the key.
    pub scope: KeyScope,
    /// Not valid from this instant on.
    pub expires: Option<Timestamp>,
    /// Whether the key was revoked.
    pub revoked: bool,
    /// Whether the holder operates the node.
    pub operator: bool,
}

impl Caller {
    /// The identity, if there is one.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Anonymous => None,
            Self::Identity(identity) => Some(identity),
        }
    }

    /// The account that asks, if any.
    pub fn tenant(&self) -> Option<TenantId> {
        self.identity().map(|identity| identity.tenant)
    }
}

impl Identity {
    /// The ARN of the user, or of the account's root.
    pub fn arn(&self) -> String {
        match &self.user {
            None => format!("arn:aws:iam::{}:root", self.tenant),
            Some(user) => format!("arn:aws:iam::{}:user/{user}", self.tenant),
        }
    }

    /// What `aws:userid` says.
    pub fn user_id(&self) -> String {
        match &self.user {
            None => self.tenant.to_string(),
            Some(user) => format!("{}:{user}", self.tenant),
        }
    }

    /// Whether the scope of the key lets it at a bucket of this name.
    pub fn reaches(&self, bucket: &str) -> bool {
        let buckets = self.scope.buckets.as_ref();
        buckets.is_none_or(|names| names.iter().any(|name| name.as_str() == bucket))
    }

    /// Whether this is the account itself rather than a user in it.
    pub const fn is_root(&self) -> bool {
        self.user.is_none()
    }
}
