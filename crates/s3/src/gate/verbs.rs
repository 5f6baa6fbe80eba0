//! Which action each verb of the protocol library is.

use access::Action;
use http::HeaderMap;

/// What a verb needs the caller to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What it does; the verb's `Authorised` is for this.
    pub action: Action,
    /// The verb is about many objects and decides for each of them.
    pub per_key: bool,
}

/// The rule of a verb by the library's name for it; `None` if it is not served.
pub(crate) fn rule(verb: &str, versioned: bool) -> Option<Rule> {
    let action = match verb {
        "DeleteObjects" => return Some(Rule { action: Action::DeleteObject, per_key: true }),
        _ if versioned => on_version(verb).or_else(|| on_object(verb)),
        _ => on_object(verb),
    };
    let action = action.or_else(|| on_bucket(verb)).or_else(|| on_settings(verb))?;
    Some(Rule { action, per_key: false })
}

/// Verbs on one named version of an object.
fn on_version(verb: &str) -> Option<Action> {
    Some(match verb {
        "GetObject" | "HeadObject" => Action::GetObjectVersion,
        "GetObjectAttributes" => Action::GetObjectVersionAttributes,
        "DeleteObject" => Action::DeleteObjectVersion,
        "GetObjectAcl" => Action::GetObjectVersionAcl,
        "PutObjectAcl" => Action::PutObjectVersionAcl,
        "GetObjectTagging" => Action::GetObjectVersionTagging,
        "PutObjectTagging" => Action::PutObjectVersionTagging,
        "DeleteObjectTagging" => Action::DeleteObjectVersionTagging,
        _ => return None,
    })
}

/// Verbs on objects.
fn on_object(verb: &str) -> Option<Action> {
    Some(match verb {
        "GetObject" | "HeadObject" => Action::GetObject,
        "GetObjectAttributes" => Action::GetObjectAttributes,
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload" => Action::PutObject,
        "DeleteObject" => Action::DeleteObject,
        "AbortMultipartUpload" => Action::AbortMultipartUpload,
        "ListParts" => Action::ListMultipartUploadParts,
        "GetObjectAcl" => Action::GetObjectAcl,
        "PutObjectAcl" => Action::PutObjectAcl,
        "GetObjectTagging" => Action::GetObjectTagging,
        "PutObjectTagging" => Action::PutObjectTagging,
        "DeleteObjectTagging" => Action::DeleteObjectTagging,
        "GetObjectRetention" => Action::GetObjectRetention,
        "PutObjectRetention" => Action::PutObjectRetention,
        "GetObjectLegalHold" => Action::GetObjectLegalHold,
        "PutObjectLegalHold" => Action::PutObjectLegalHold,
        _ => return None,
    })
}

/// Verbs on buckets and listings.
fn on_bucket(verb: &str) -> Option<Action> {
    Some(match verb {
        "ListBuckets" => Action::ListAllMyBuckets,
        "CreateBucket" => Action::CreateBucket,
        "DeleteBucket" => Action::DeleteBucket,
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => Action::ListBucket,
        "GetBucketLocation" => Action::GetBucketLocation,
        "ListObjectVersions" => Action::ListBucketVersions,
        "ListMultipartUploads" => Action::ListBucketMultipartUploads,
        _ => return None,
    })
}

/// Verbs on what is configured on a bucket.
fn on_settings(verb: &str) -> Option<Action> {
    Some(match verb {
        "GetBucketVersioning" => Action::GetBucketVersioning,
        "PutBucketVersioning" => Action::PutBucketVersioning,
        "GetObjectLockConfiguration" => Action::GetBucketObjectLockConfiguration,
        "PutObjectLockConfiguration" => Action::PutBucketObjectLockConfiguration,
        "GetBucketPolicy" => Action::GetBucketPolicy,
        "PutBucketPolicy" => Action::PutBucketPolicy,
        "DeleteBucketPolicy" => Action::DeleteBucketPolicy,
        "GetBucketPolicyStatus" => Action::GetBucketPolicyStatus,
        "GetPublicAccessBlock" => Action::GetBucketPublicAccessBlock,
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => Action::PutBucketPublicAccessBlock,
        "GetBucketOwnershipControls" => Action::GetBucketOwnershipControls,
        "PutBucketOwnershipControls" | "DeleteBucketOwnershipControls" => {
            Action::PutBucketOwnershipControls
        }
        "GetBucketAcl" => Action::GetBucketAcl,
        "PutBucketAcl" => Action::PutBucketAcl,
        "GetBucketTagging" => Action::GetBucketTagging,
        "PutBucketTagging" | "DeleteBucketTagging" => Action::PutBucketTagging,
        "GetBucketCors" => Action::GetBucketCORS,
        "PutBucketCors" | "DeleteBucketCors" => Action::PutBucketCORS,
        "GetBucketLifecycleConfiguration" => Action::GetLifecycleConfiguration,
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => {
            Action::PutLifecycleConfiguration
        }
        "GetBucketWebsite" => Action::GetBucketWebsite,
        "PutBucketWebsite" => Action::PutBucketWebsite,
        "DeleteBucketWebsite" => Action::DeleteBucketWebsite,
        "GetBucketEncryption" => Action::GetEncryptionConfiguration,
        "PutBucketEncryption" | "DeleteBucketEncryption" => Action::PutEncryptionConfiguration,
        "GetBucketRequestPayment" => Action::GetBucketRequestPayment,
        "GetBucketLogging" => Action::GetBucketLogging,
        "GetBucketAccelerateConfiguration" => Action::GetAccelerateConfiguration,
        "GetBucketNotificationConfiguration" => Action::GetBucketNotification,
        "PutBucketNotificationConfiguration" => Action::PutBucketNotification,
        "GetBucketReplication" => Action::GetReplicationConfiguration,
        _ => return None,
    })
}

/// What else a verb does because of its headers.
///
/// A list that gives something to nobody but the bucket's owner needs no right of
/// its own: it only makes the writer's object more the owner's.
pub(crate) fn also(
    action: Action,
    headers: &HeaderMap,
    bucket_owner: &str,
) -> impl Iterator<Item = Action> {
    let has = |name: &str| headers.contains_key(name);
    let writes = action == Action::PutObject;
    let to_owner = |value: &http::HeaderValue| {
        let id = value.to_str().ok().and_then(|text| text.trim().strip_prefix("id="));
        id.is_some_and(|id| id.trim_matches('"') == bucket_owner)
    };
    let grants = headers
        .iter()
        .any(|(name, value)| name.as_str().starts_with("x-amz-grant-") && !to_owner(value));
    let plain = ["private", "bucket-owner-read", "bucket-owner-full-control"];
    let acl = headers.get("x-amz-acl").is_some_and(|acl| !plain.iter().any(|plain| acl == plain));
    [
        (writes && has("x-amz-tagging")).then_some(Action::PutObjectTagging),
        (writes && (grants || acl)).then_some(Action::PutObjectAcl),
        (writes && has("x-amz-object-lock-mode")).then_some(Action::PutObjectRetention),
        (writes && has("x-amz-object-lock-legal-hold")).then_some(Action::PutObjectLegalHold),
        (action == Action::GetObjectAttributes).then_some(Action::GetObject),
        (action == Action::GetObjectVersionAttributes).then_some(Action::GetObjectVersion),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_actions_of_their_own() {
        let action = |verb, versioned| rule(verb, versioned).map(|rule| rule.action);
        assert_eq!(action("GetObject", false), Some(Action::GetObject));
        assert_eq!(action("GetObject", true), Some(Action::GetObjectVersion));
        assert_eq!(action("PutObject", true), Some(Action::PutObject));
        assert_eq!(action("GetBucketAcl", false), Some(Action::GetBucketAcl));
        assert_eq!(action("SelectObjectContent", false), None);
    }

    #[test]
    fn headers_add_actions() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-tagging", http::HeaderValue::from_static("a=b"));
        let found: Vec<Action> = also(Action::PutObject, &headers, "").collect();
        assert_eq!(found, [Action::PutObjectTagging]);
        assert_eq!(also(Action::GetObject, &headers, "").count(), 0);
    }
}
