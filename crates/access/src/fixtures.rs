//! People, buckets and requests for the tests of decisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use units::{TenantId, Timestamp};

use crate::{
    Action, Ask, BucketFacts, Caller, Identity, KeyScope, ObjectFacts, Ownership, Policy,
    PublicAccessBlock, RequestFacts, SignatureAuth,
};

pub(crate) const OWNER: TenantId = TenantId::from_u128(0xa);
pub(crate) const OTHER: TenantId = TenantId::from_u128(0xb);
/// 2026-03-01T12:00:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);
pub(crate) const BUCKET: &str = "archives";

pub(crate) fn identity(tenant: TenantId, user: Option<&str>) -> Identity {
    Identity {
        tenant,
        tenant_name: if tenant == OWNER { "mairie".into() } else { "voisine".into() },
        tenant_suspended: false,
        user: user.map(str::to_owned),
        access_key: "ESSAIM".into(),
        scope: KeyScope::default(),
        expires: None,
        revoked: false,
        operator: false,
    }
}

pub(crate) fn caller(tenant: TenantId, user: Option<&str>) -> Caller {
    Caller::Identity(Box::new(identity(tenant, user)))
}

pub(crate) fn bucket() -> BucketFacts {
    BucketFacts {
        name: BUCKET.into(),
        owner: OWNER,
        owner_suspended: false,
        ownership: Ownership::BucketOwnerEnforced,
        policy: None,
        policy_binds_root: false,
        acl: None,
        public_access_block: PublicAccessBlock::default(),
    }
}

pub(crate) fn bucket_with(policy: &str) -> BucketFacts {
    let policy = Policy::parse(policy, BUCKET).unwrap_or_else(|error| {
        panic!("{error:?}: {policy}");
    });
    BucketFacts { policy: Some(Arc::new(policy)), ..bucket() }
}

/// A request, with what conditions may look at as `name=value` words: `ip`, `tls`,
/// `tls-version`, `age`, `creates`, `auth`,
/// `?parameter`, `header`, `tag:key` (of the request), `has:key` (of the object).
#[derive(Default)]
pub(crate) struct Request {
    pub facts: RequestFacts,
    pub object: ObjectFacts,
}

pub(crate) fn request(words: &str) -> Request {
    let mut request = Request::default();
    for word in words.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let value = value.to_owned();
        match name {
            "ip" => request.facts.source_ip = Some(value.parse().unwrap()),
            "tls" => request.facts.secure_transport = value == "true",
            "tls-version" => request.facts.tls_version = Some(value),
            "age" => request.facts.signature_age_seconds = Some(value.parse().unwrap()),
            "creates" => request.facts.creates_object = Some(value == "true"),
            "auth" => {
                request.facts.auth = match value.as_str() {
                    "header" => SignatureAuth::Header,
                    "query" => SignatureAuth::Query,
                    "form" => SignatureAuth::Form,
                    "form-v2" => SignatureAuth::FormV2,
                    other => panic!("{other} is no way to sign"),
                }
            }
            _ if name.starts_with('?') => {
                request.facts.query.insert(name[1..].to_owned(), value);
            }
            _ if name.starts_with("tag:") => {
                request.facts.request_tags.push((name[4..].to_owned(), value));
            }
            _ if name.starts_with("has:") => {
                request.object.tags.push((name[4..].to_owned(), value));
            }
            _ => drop(request.facts.headers.insert(name.to_owned(), value)),
        }
    }
    request
}

pub(crate) fn ask<'a>(
    action: Action,
    bucket: &'a BucketFacts,
    key: Option<&'a str>,
    request: &'a Request,
) -> Ask<'a> {
    Ask {
        action,
        bucket: Some(bucket),
        bucket_name: Some(&bucket.name),
        key,
        object: Some(&request.object),
        request: &request.facts,
        now: NOW,
    }
}

/// A policy of one statement; the fields as JSON without braces.
pub(crate) fn policy(fields: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{fields}}}]}}"#)
}

/// An allow to everybody of `s3:GetObject` on every object, with a condition.
pub(crate) fn allow_if(condition: &str) -> String {
    policy(&format!(
        r#""Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::archives","arn:aws:s3:::archives/*"],"Condition":{{{condition}}}"#
    ))
}

/// No headers at all, for asks that need none.
pub(crate) fn nothing() -> RequestFacts {
    RequestFacts { headers: BTreeMap::new(), ..RequestFacts::default() }
}
