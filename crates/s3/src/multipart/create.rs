//! POST ?uploads: begin a multipart upload.

use http::HeaderMap;
use objects::CreateUpload;
use s3s::dto::{CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::{S3Request, S3Response, S3Result};

use crate::Face;
use crate::error::failed;
use crate::gate;
use crate::object::metadata::LatinHeaders;
use crate::object::stored::Stored;
use crate::object::{answer, checksums, expiration, header_text, object_name, owner, sse};

/// Serves `CreateMultipartUpload`.
pub(crate) async fn create_multipart_upload(
    face: &Face,
    req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let headers = &req.headers;
    let stored = Stored::of(headers, req.extensions.get::<LatinHeaders>(), face.now())?;
    let ask = CreateUpload {
        name: object_name(&req.input.bucket, &req.input.key)?,
        headers: stored.headers,
        metadata: stored.metadata,
        tags: stored.tags.unwrap_or_default(),
        checksum: header_text(headers, "x-amz-checksum-algorithm")
            .map(checksums::algorithm_named)
            .transpose()?,
        checksum_kind: header_text(headers, "x-amz-checksum-type")
            .map(checksums::kind_named)
            .transpose()?,
        retention: stored.retention,
        legal_hold: stored.legal_hold,
        encryption: sse::asked_in(face, headers, gate::judge(&req.extensions)?)?,
        storage_class: stored.storage_class,
        acl: gate::acl_asked(&req.extensions)?,
        website_redirect: stored.website_redirect,
        owner: owner::of_writer(gate::judge(&req.extensions)?, headers),
        initiator: None,
    };
    let asked_checksum = ask.checksum.is_some();
    let authorised = gate::authorised(&req.extensions)?;
    let created = face.objects.upload_create(authorised, ask).await.map_err(failed)?;

    let mut answered = HeaderMap::new();
    sse::answer(&mut answered, &created.encryption);
    if let Some((algorithm, kind)) = created.checksum.filter(|_| asked_checksum) {
        answer::put(&mut answered, "x-amz-checksum-algorithm", objects::checksum_name(algorithm));
        answer::put(&mut answered, "x-amz-checksum-type", checksums::kind_name(kind));
    }
    let judge = gate::judge(&req.extensions)?;
    expiration::answer_abort(&mut answered, judge, &req.input.key, face.now());
    let output = CreateMultipartUploadOutput {
        bucket: Some(req.input.bucket),
        key: Some(req.input.key),
        upload_id: Some(created.upload.to_string()),
        ..CreateMultipartUploadOutput::default()
    };
    Ok(S3Response::with_headers(output, answered))
}
