//! What condition keys and policy variables stand for in one request.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::wildcard::Variables;
use crate::{Action, Ask, Caller, SignatureAuth};

/// Keys of the `s3:` vendor that conditions may look at, in lower case; a key
/// that ends in `/` is followed by the name of a tag.
const S3_KEYS: &[&str] = &[
    "s3:authtype",
    "s3:delimiter",
    "s3:existingobjecttag/",
    "s3:if-match",
    "s3:if-none-match",
    "s3:locationconstraint",
    "s3:max-keys",
    "s3:object-lock-legal-hold",
    "s3:object-lock-mode",
    "s3:object-lock-remaining-retention-days",
    "s3:object-lock-retain-until-date",
    "s3:objectcreationoperation",
    "s3:prefix",
    "s3:requestobjecttag/",
    "s3:requestobjecttagkeys",
    "s3:resourceaccount",
    "s3:signatureage",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-content-sha256",
    "s3:x-amz-copy-source",
    "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read",
    "s3:x-amz-grant-read-acp",
    "s3:x-amz-grant-write",
    "s3:x-amz-grant-write-acp",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-object-ownership",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-storage-class",
    "s3:x-amz-website-redirect-location",
];

/// Whether conditions may look at this key (in lower case). Every `aws:` key is
/// taken; those that have no meaning here are simply never present ([`has_source`]).
pub(super) fn is_known(key: &str) -> bool {
    if let Some(name) = key.strip_prefix("aws:") {
        return !name.is_empty();
    }
    S3_KEYS.iter().any(|known| match known.strip_suffix('/') {
        Some(_) => key.len() > known.len() && key.starts_with(known),
        None => key == *known,
    })
}

/// Global keys (without `aws:`, in lower case) that a request here can have; a key
/// that ends in `/` is followed by the name of a tag.
const GLOBAL_KEYS: &[&str] = &[
    "currenttime",
    "epochtime",
    "principalaccount",
    "principalarn",
    "principaltype",
    "referer",
    "requesttag/",
    "resourceaccount",
    "securetransport",
    "sourceip",
    "userid",
    "useragent",
    "username",
];

/// Keys that AWS has and no request here ever does.
const NEVER_PRESENT: &[&str] = &["s3:locationconstraint"];

/// Whether a request can have this key (in lower case): a condition on one that none
/// can have would read like a rule and be none.
pub(super) fn has_source(key: &str) -> bool {
    let Some(name) = key.strip_prefix("aws:") else { return !NEVER_PRESENT.contains(&key) };
    GLOBAL_KEYS.iter().any(|known| match known.strip_suffix('/') {
        Some(_) => name.len() > known.len() && name.starts_with(known),
        None => name == *known,
    })
}

/// One request, as conditions see it.
pub(crate) struct Context<'a> {
    pub caller: &'a Caller,
    pub ask: &'a Ask<'a>,
}

impl Variables for Context<'_> {
    fn value(&self, name: &str) -> Option<String> {
        // A variable has one value; keys with many have none as variables.
        let mut values = self.values(name)?.into_iter();
        let first = values.next();
        if values.next().is_some() { None } else { first }
    }
}

impl Context<'_> {
    /// The values of a key; `None`: the request has no such key.
    pub fn values(&self, key: &str) -> Option<Vec<String>> {
        // The case of a tag's name counts, that of everything else does not.
        let lower = key.to_lowercase();
        if let Some(name) = lower.strip_prefix("aws:") {
            return self.global(name, key).map(|value| vec![value]);
        }
        self.own(lower.strip_prefix("s3:")?, key.get(3..)?)
    }

    fn global(&self, name: &str, key: &str) -> Option<String> {
        let request = self.ask.request;
        let identity = self.caller.identity();
        match name {
            "sourceip" => request.source_ip.map(|ip| ip.to_string()),
            "securetransport" => Some(request.secure_transport.to_string()),
            "referer" => request.headers.get("referer").cloned(),
            "useragent" => request.headers.get("user-agent").cloned(),
            "currenttime" => self.now_text(),
            "epochtime" => Some(self.ask.now.seconds().to_string()),
            "principalaccount" => identity.map(|it| it.tenant.to_string()),
            "principalarn" => identity.map(crate::Identity::arn),
            "principaltype" => Some(match identity {
                None => "Anonymous".to_owned(),
                Some(it) if it.user.is_none() => "Account".to_owned(),
                Some(_) => "User".to_owned(),
            }),
            "userid" => Some(match identity {
                None => "anonymous".to_owned(),
                Some(it) => it.user_id(),
            }),
            "username" => identity.and_then(|it| it.user.clone()),
            "resourceaccount" => self.ask.bucket.map(|bucket| bucket.owner.to_string()),
            _ => {
                let wanted = key.get("aws:RequestTag/".len()..)?;
                let of_request = name.starts_with("requesttag/");
                let tags = &request.request_tags;
                of_request.then(|| tag(tags, wanted)).flatten()
            }
        }
    }

    fn now_text(&self) -> Option<String> {
        OffsetDateTime::from_unix_timestamp(self.ask.now.seconds()).ok()?.format(&Rfc3339).ok()
    }

    fn own(&self, lower: &str, name: &str) -> Option<Vec<String>> {
        let request = self.ask.request;
        let one = |value: Option<String>| value.map(|value| vec![value]);
        let query = |parameter: &str| one(request.query.get(parameter).cloned());
        match lower {
            "prefix" if self.ask.action == Action::ListBucket => {
                let looked_for = self.ask.key.map(str::to_owned);
                query(lower).or_else(|| one(looked_for))
            }
            "tlsversion" => one(request.tls_version.clone()),
            "prefix" | "delimiter" | "max-keys" => query(lower),
            "versionid" => query("versionId"),
            "authtype" => one(match request.auth {
                SignatureAuth::None => None,
                SignatureAuth::Header => Some("REST-HEADER".to_owned()),
                SignatureAuth::Query => Some("REST-QUERY-STRING".to_owned()),
                SignatureAuth::Form | SignatureAuth::FormV2 => Some("POST".to_owned()),
            }),
            "signatureversion" => one(match request.auth {
                SignatureAuth::None => None,
                SignatureAuth::FormV2 => Some("AWS".to_owned()),
                _ => Some("AWS4-HMAC-SHA256".to_owned()),
            }),
            "objectcreationoperation" => one(request.creates_object.map(|it| it.to_string())),
            "signatureage" => one(request
                .signature_age_seconds
                .map(|seconds| seconds.saturating_mul(1_000).to_string())),
            "resourceaccount" => one(self.ask.bucket.map(|bucket| bucket.owner.to_string())),
            "requestobjecttagkeys" => {
                let keys: Vec<String> =
                    request.request_tags.iter().map(|(key, _)| key.clone()).collect();
                (!keys.is_empty()).then_some(keys)
            }
            "x-amz-copy-source" => request.headers.get(lower).map(|source| {
                let plain = copy_source(source);
                vec![format!("/{plain}"), plain]
            }),
            "if-match" | "if-none-match" => one(request.headers.get(lower).cloned()),
            "object-lock-mode" | "object-lock-retain-until-date" => {
                one(request.headers.get(&format!("x-amz-{lower}")).cloned())
            }
            "object-lock-legal-hold" => {
                one(request.headers.get("x-amz-object-lock-legal-hold").cloned())
            }
            "object-lock-remaining-retention-days" => one(self.retention_days()),
            _ if lower.starts_with("x-amz-") => one(request.headers.get(lower).cloned()),
            _ => {
                let (kind, tag_name) = name.split_once('/')?;
                let tags = match kind.to_lowercase().as_str() {
                    "existingobjecttag" => &self.ask.object?.tags,
                    "requestobjecttag" => &request.request_tags,
                    _ => return None,
                };
                one(tag(tags, tag_name))
            }
        }
    }

    fn retention_days(&self) -> Option<String> {
        let until = self.ask.request.headers.get("x-amz-object-lock-retain-until-date")?;
        let until = OffsetDateTime::parse(until, &Rfc3339).ok()?.unix_timestamp();
        let seconds = until.saturating_sub(self.ask.now.seconds());
        // A day that has begun counts.
        Some((seconds.saturating_add(86_399).div_euclid(86_400)).to_string())
    }
}

fn tag(tags: &[(String, String)], name: &str) -> Option<String> {
    tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// `bucket/key` of a copy source: without a slash before, without a version, and
/// decoded, so that a rule cannot be got round by writing a letter as `%61`.
fn copy_source(source: &str) -> String {
    let path = source.split_once("?versionId=").map_or(source, |(path, _)| path);
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.trim_start_matches('/').as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        if let (b'%', Some(high), Some(low)) = (byte, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(u8::MAX));
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).trim_start_matches('/').to_owned()
}
