//! Bucket tags.

use std::collections::BTreeSet;

use catalog::SettingKind;
use s3s::dto::{
    DeleteBucketTaggingInput, DeleteBucketTaggingOutput, GetBucketTaggingInput,
    GetBucketTaggingOutput, PutBucketTaggingInput, PutBucketTaggingOutput, Tag, Tagging,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::{store, stored, to_bytes};
use crate::Face;
use crate::error::custom;
use crate::gate;
use crate::limits::{BUCKET_TAGS_MAX, TAG_KEY_CHARACTERS_MAX, TAG_VALUE_CHARACTERS_MAX};

/// Serves `GetBucketTagging`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_tagging(
    _face: &Face,
    req: S3Request<GetBucketTaggingInput>,
) -> S3Result<S3Response<GetBucketTaggingOutput>> {
    gate::authorised(&req.extensions)?;
    let document: Option<Tagging> = stored(gate::bucket(&req.extensions)?, SettingKind::Tagging)?;
    let tag_set = document.ok_or_else(|| s3_error!(NoSuchTagSet))?.tag_set;
    Ok(S3Response::new(GetBucketTaggingOutput { tag_set }))
}

/// Serves `PutBucketTagging`.
pub(crate) async fn put_bucket_tagging(
    face: &Face,
    req: S3Request<PutBucketTaggingInput>,
) -> S3Result<S3Response<PutBucketTaggingOutput>> {
    check(&req.input.tagging.tag_set)?;
    let bytes = to_bytes(&req.input.tagging)?;
    store(face, &req.extensions, SettingKind::Tagging, Some(bytes)).await?;
    Ok(S3Response::new(PutBucketTaggingOutput {}))
}

/// Serves `DeleteBucketTagging`.
pub(crate) async fn delete_bucket_tagging(
    face: &Face,
    req: S3Request<DeleteBucketTaggingInput>,
) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
    store(face, &req.extensions, SettingKind::Tagging, None).await?;
    Ok(S3Response::new(DeleteBucketTaggingOutput {}))
}

fn check(tags: &[Tag]) -> S3Result {
    if tags.len() > BUCKET_TAGS_MAX {
        return Err(custom(
            "BadRequest",
            http::StatusCode::BAD_REQUEST,
            format!("Bucket tag count cannot be greater than {BUCKET_TAGS_MAX}"),
        ));
    }
    let invalid = |message: &'static str| -> S3Error { s3_error!(InvalidTag, "{message}") };
    let mut keys = BTreeSet::new();
    for tag in tags {
        let key = tag.key.as_deref().unwrap_or_default();
        let value = tag.value.as_deref().unwrap_or_default();
        if key.is_empty() || key.chars().count() > TAG_KEY_CHARACTERS_MAX {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > TAG_VALUE_CHARACTERS_MAX {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        if key.starts_with("aws:") {
            return Err(invalid("System tags cannot be added/updated by requester"));
        }
        if !keys.insert(key) {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(())
}
