//! What is asked, and the facts that rules may look at.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use units::{TenantId, Timestamp};

use crate::policy::Policy;
use crate::{Acl, Action, Ownership, PublicAccessBlock};

/// One question: may this be done here, now.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is to be done.
    pub action: Action,
    /// On which bucket; `None` only for actions on the service or the node.
    /// For the creation of a bucket: none either, and `bucket_name` says which.
    pub bucket: Option<&'a BucketFacts>,
    /// The bucket's name, also where the bucket does not exist.
    pub bucket_name: Option<&'a str>,
    /// The object's key, for actions on objects; for `ListBucket` the key that is
    /// looked for, which then is the `s3:prefix` if the request has none.
    pub key: Option<&'a str>,
    /// The object; `None` if it does not exist (or if no rule of the bucket could
    /// let anybody but its owner in, so that nobody looked).
    pub object: Option<&'a ObjectFacts>,
    /// What the request says.
    pub request: &'a RequestFacts,
    /// Now.
    pub now: Timestamp,
}

/// What is known of a bucket.
#[derive(Clone, Debug)]
pub struct BucketFacts {
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner: TenantId,
    /// Whether that account is suspended: nothing of it is served to anybody.
    pub owner_suspended: bool,
    /// Who owns what others write.
    pub ownership: Ownership,
    /// The bucket policy.
    pub policy: Option<Arc<Policy>>,
    /// Whether the policy was stored with leave to lock the owner's root out of it.
    pub policy_binds_root: bool,
    /// The grants on the bucket; `None`: private.
    pub acl: Option<Acl>,
    /// The public-access block.
    pub public_access_block: PublicAccessBlock,
}

/// What is known of an object.
#[derive(Clone, Debug, Default)]
pub struct ObjectFacts {
    /// Who owns it; `None`: the bucket's owner.
    pub owner: Option<TenantId>,
    /// The grants on it; `None`: private.
    pub acl: Option<Acl>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// How a request was authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureAuth {
    /// It was not.
    #[default]
    None,
    /// `Authorization` header.
    Header,
    /// Query string (presigned).
    Query,
    /// POST form, signed by version 4.
    Form,
    /// POST form, signed by version 2.
    FormV2,
}

/// What a request says that conditions may look at.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// The peer's address, as the connection has it (never from a header).
    pub source_ip: Option<IpAddr>,
    /// Whether the connection is encrypted.
    pub secure_transport: bool,
    /// The version of TLS that the connection speaks (`1.2`), for `s3:TlsVersion`;
    /// `None`: none at all.
    pub tls_version: Option<String>,
    /// How it was authenticated.
    pub auth: SignatureAuth,
    /// Seconds since it was signed, for `s3:signatureAge`.
    pub signature_age_seconds: Option<i64>,
    /// Whether a write makes an object at once (`true`) or only a part of one, for
    /// `s3:ObjectCreationOperation`; `None`: it does not write an object.
    pub creates_object: Option<bool>,
    /// Headers that conditions may name (`x-amz-*`, `referer`, `user-agent`,
    /// `if-match`, `if-none-match`, …), in lower case.
    pub headers: BTreeMap<String, String>,
    /// Query parameters that conditions may name (`prefix`, `delimiter`, `max-keys`, `versionId`, …).
    pub query: BTreeMap<String, String>,
    /// Tags that the request would set.
    pub request_tags: Vec<(String, String)>,
}
