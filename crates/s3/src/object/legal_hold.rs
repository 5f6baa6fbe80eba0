//! Legal hold of a version.

use s3s::dto::{
    GetObjectLegalHoldInput, GetObjectLegalHoldOutput, ObjectLockLegalHold,
    ObjectLockLegalHoldStatus, PutObjectLegalHoldInput, PutObjectLegalHoldOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::retention::require_object_lock;
use super::{object_name, version_ask};
use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `GetObjectLegalHold`.
pub(crate) async fn get_object_legal_hold(
    face: &Face,
    req: S3Request<GetObjectLegalHoldInput>,
) -> S3Result<S3Response<GetObjectLegalHoldOutput>> {
    require_object_lock(&req.extensions)?;
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let authorised = gate::authorised(&req.extensions)?;
    let record = face.objects.object_record(authorised, &name, version).await.map_err(failed)?;
    let hold = record.detail.legal_hold.ok_or_else(|| {
        s3_error!(
            NoSuchObjectLockConfiguration,
            "The specified object does not have a ObjectLock configuration"
        )
    })?;
    let status = if hold { ObjectLockLegalHoldStatus::ON } else { ObjectLockLegalHoldStatus::OFF };
    let legal_hold =
        ObjectLockLegalHold { status: Some(ObjectLockLegalHoldStatus::from_static(status)) };
    Ok(S3Response::new(GetObjectLegalHoldOutput { legal_hold: Some(legal_hold) }))
}

/// Serves `PutObjectLegalHold`.
pub(crate) async fn put_object_legal_hold(
    face: &Face,
    req: S3Request<PutObjectLegalHoldInput>,
) -> S3Result<S3Response<PutObjectLegalHoldOutput>> {
    require_object_lock(&req.extensions)?;
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let status = req.input.legal_hold.as_ref().and_then(|hold| hold.status.as_ref());
    let hold = match status.map(ObjectLockLegalHoldStatus::as_str) {
        Some("ON") => true,
        Some("OFF") => false,
        _ => {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our \
                 published schema"
            ));
        }
    };
    let authorised = gate::authorised(&req.extensions)?;
    face.objects.object_legal_hold_set(authorised, &name, version, hold).await.map_err(failed)?;
    Ok(S3Response::new(PutObjectLegalHoldOutput::default()))
}
