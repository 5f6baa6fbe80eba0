//! Object tags.

use http::HeaderMap;
use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, PutObjectTaggingInput, PutObjectTaggingOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::tags;
use super::{answer, object_name, version_ask};
use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `GetObjectTagging`.
pub(crate) async fn get_object_tagging(
    face: &Face,
    req: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let authorised = gate::authorised(&req.extensions)?;
    let record = face.objects.object_record(authorised, &name, version).await.map_err(failed)?;
    let tag_set = tags::of_record(&record.detail.tags);
    let output = GetObjectTaggingOutput { tag_set, version_id: None };
    Ok(S3Response::with_headers(
        output,
        answer::version_touched(gate::judge(&req.extensions)?, &record),
    ))
}

/// Serves `PutObjectTagging`.
pub(crate) async fn put_object_tagging(
    face: &Face,
    req: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let tags = tags::from_set(&req.input.tagging.tag_set)?;
    let authorised = gate::authorised(&req.extensions)?;
    let version =
        face.objects.object_tags_set(authorised, &name, version, tags).await.map_err(failed)?;
    let mut headers = HeaderMap::new();
    answer::version_changed(&mut headers, version);
    let output = PutObjectTaggingOutput::default();
    Ok(S3Response::with_headers(output, headers))
}

/// Serves `DeleteObjectTagging`.
pub(crate) async fn delete_object_tagging(
    face: &Face,
    req: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    let name = object_name(&req.input.bucket, &req.input.key)?;
    let version = version_ask(req.input.version_id.as_deref())?;
    let authorised = gate::authorised(&req.extensions)?;
    let version = face
        .objects
        .object_tags_set(authorised, &name, version, Vec::new())
        .await
        .map_err(failed)?;
    let mut headers = HeaderMap::new();
    answer::version_changed(&mut headers, version);
    let output = DeleteObjectTaggingOutput::default();
    Ok(S3Response::with_headers(output, headers))
}
