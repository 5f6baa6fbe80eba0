//! Bucket policies, and whether they make the bucket public.
//!
//! ```text
//! stored = [0x01] JSON document         0x01: the owner's root is bound by it as well
//! ```

use access::Policy;
use bytes::Bytes;
use catalog::SettingKind;
use s3s::dto::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, GetBucketPolicyInput, GetBucketPolicyOutput,
    GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput, PolicyStatus, PutBucketPolicyInput,
    PutBucketPolicyOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::store;
use crate::Face;
use crate::gate;

/// Before the document: leave was given to lock the owner's root out.
const BINDS_ROOT: u8 = 1;

/// The parsed policy of stored bytes, and whether it binds the owner's root.
pub(crate) fn parsed(bytes: &[u8], bucket: &str) -> Option<(Policy, bool)> {
    let (document, binds_root) = split(bytes)?;
    Some((Policy::parse(document, bucket).ok()?, binds_root))
}

fn split(bytes: &[u8]) -> Option<(&str, bool)> {
    let (document, binds_root) = match bytes.strip_prefix(&[BINDS_ROOT]) {
        Some(document) => (document, true),
        None => (bytes, false),
    };
    Some((core::str::from_utf8(document).ok()?, binds_root))
}

/// Serves `GetBucketPolicy`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_policy(
    _face: &Face,
    req: S3Request<GetBucketPolicyInput>,
) -> S3Result<S3Response<GetBucketPolicyOutput>> {
    gate::authorised(&req.extensions)?;
    let bytes = gate::bucket(&req.extensions)?.facts.setting(SettingKind::Policy);
    let (document, _) =
        bytes.and_then(|bytes| split(bytes)).ok_or_else(|| s3_error!(NoSuchBucketPolicy))?;
    Ok(S3Response::new(GetBucketPolicyOutput { policy: Some(document.to_owned()) }))
}

/// Serves `PutBucketPolicy`.
pub(crate) async fn put_bucket_policy(
    face: &Face,
    req: S3Request<PutBucketPolicyInput>,
) -> S3Result<S3Response<PutBucketPolicyOutput>> {
    let bucket = gate::bucket(&req.extensions)?;
    let document = &req.input.policy;
    let policy = Policy::parse(document, bucket.name().as_str()).map_err(|error| {
        tracing::debug!(?error, "a bucket policy is malformed");
        S3Error::with_message(S3ErrorCode::MalformedPolicy, error.to_string())
    })?;
    if let Some(key) = policy.key_without_source() {
        return Err(S3Error::with_message(
            S3ErrorCode::MalformedPolicy,
            format!("Conditions on {key} are not served: no request has this key"),
        ));
    }
    if bucket.rules.public_access_block.block_public_policy && policy.is_public() {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    let binds_root = req.input.confirm_remove_self_bucket_access.unwrap_or(false);
    let mut bytes = Vec::with_capacity(document.len().saturating_add(1));
    bytes.extend(binds_root.then_some(BINDS_ROOT));
    bytes.extend_from_slice(document.as_bytes());
    store(face, &req.extensions, SettingKind::Policy, Some(Bytes::from(bytes))).await?;
    let status = http::StatusCode::NO_CONTENT;
    Ok(S3Response::with_status(PutBucketPolicyOutput {}, status))
}

/// Serves `DeleteBucketPolicy`.
pub(crate) async fn delete_bucket_policy(
    face: &Face,
    req: S3Request<DeleteBucketPolicyInput>,
) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
    store(face, &req.extensions, SettingKind::Policy, None).await?;
    Ok(S3Response::new(DeleteBucketPolicyOutput {}))
}

/// Serves `GetBucketPolicyStatus`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_policy_status(
    _face: &Face,
    req: S3Request<GetBucketPolicyStatusInput>,
) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
    gate::authorised(&req.extensions)?;
    let is_public = access::is_public(&gate::bucket(&req.extensions)?.rules);
    Ok(S3Response::new(GetBucketPolicyStatusOutput {
        policy_status: Some(PolicyStatus { is_public: Some(is_public) }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_bytes_are_split() {
        assert_eq!(split(b"{}"), Some(("{}", false)));
        assert_eq!(split(b"\x01{}"), Some(("{}", true)));
        assert_eq!(split(b"\xff"), None);
        assert!(parsed(b"{}", "bucket").is_none());
    }
}
