//! Retention of a version.

use catalog::Retention;
use s3s::dto::{
    GetObjectRetentionInput, GetObjectRetentionOutput, ObjectLockRetention,
    ObjectLockRetentionMode, PutObjectRetentionInput, PutObjectRetentionOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use units::Timestamp;

use super::stored::{retention_mode, retention_mode_name};
use super::{object_name, version_ask};
use crate::Face;
use crate::date;
use crate::error::failed;
use crate::gate;

/// Serves `GetObjectRetention`.
pub(crate) async fn get_object_retention(
    face: &Face,
    req: S3Request<GetObjectRetentionInput>,
) -> S3Result<S3Response<GetObjectRetentionOutput>> {
    require_object_lock(&req.extensions)?;
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let authorised = gate::authorised(&req.extensions)?;
    let record = face.objects.object_record(authorised, &name, version).await.map_err(failed)?;
    let retention = record.detail.retention.ok_or_else(|| {
        s3_error!(
            NoSuchObjectLockConfiguration,
            "The specified object does not have a ObjectLock configuration"
        )
    })?;
    let mode = retention_mode_name(retention.mode);
    let retention = ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from(mode.to_owned())),
        retain_until_date: Some(date::dto(retention.until)),
    };
    Ok(S3Response::new(GetObjectRetentionOutput { retention: Some(retention) }))
}

/// Serves `PutObjectRetention`.
pub(crate) async fn put_object_retention(
    face: &Face,
    req: S3Request<PutObjectRetentionInput>,
) -> S3Result<S3Response<PutObjectRetentionOutput>> {
    require_object_lock(&req.extensions)?;
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let retention = asked(req.input.retention.as_ref(), face.now())?;
    let bypass = gate::bypass_governance(&req.extensions);
    let authorised = gate::authorised(&req.extensions)?;
    face.objects
        .object_retention_set(authorised, &name, version, retention, bypass)
        .await
        .map_err(failed)?;
    Ok(S3Response::new(PutObjectRetentionOutput::default()))
}

/// Locks can be asked for and set only where the bucket has them.
pub(crate) fn require_object_lock(extensions: &http::Extensions) -> S3Result {
    let bucket = gate::judge(extensions)?.bucket.as_ref();
    if bucket.is_some_and(|bucket| bucket.facts.bucket.object_lock.is_some()) {
        return Ok(());
    }
    Err(s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"))
}

/// The retention in the document; an empty one lifts it.
fn asked(document: Option<&ObjectLockRetention>, now: Timestamp) -> S3Result<Option<Retention>> {
    let malformed = || {
        s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published \
             schema"
        )
    };
    let document = document.ok_or_else(malformed)?;
    let (mode, until) = match (&document.mode, &document.retain_until_date) {
        (None, None) => return Ok(None),
        (Some(mode), Some(until)) => (mode, until),
        _ => return Err(malformed()),
    };
    let mode = retention_mode(mode.as_str()).ok_or_else(malformed)?;
    let until = date::from_dto(until);
    if until <= now {
        return Err(s3_error!(InvalidArgument, "The retain until date must be in the future!"));
    }
    Ok(Some(Retention { mode, until }))
}
