//! GET bucket uploads: multipart uploads in progress.

use std::sync::Arc;

use catalog::{AfterUpload, ListAsk, ListedUpload};
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, Initiator, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, MultipartUpload, Owner, StorageClass,
};
use s3s::{S3Request, S3Response, S3Result};

use super::slices::Slices;
use super::{Owners, Spelling, as_i32, ask, is_common_prefix, lines};
use crate::Face;
use crate::date;
use crate::error::{failed, invalid_argument};
use crate::gate;
use crate::object::checksums;
use crate::request::RequestContext;

/// Serves `ListMultipartUploads`.
pub(crate) async fn list_multipart_uploads(
    face: &Face,
    req: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let input = req.input;
    let spelling = Spelling::of(input.encoding_type.as_ref())?;
    let limit = lines(input.max_uploads)?;
    let ask = ask(input.prefix.as_deref(), input.delimiter.as_deref(), limit);
    let key_marker = input.key_marker.unwrap_or_default();
    // Without a key marker S3 ignores the upload marker.
    let upload_marker =
        input.upload_id_marker.filter(|text| !text.is_empty() && !key_marker.is_empty());
    let after = after(&ask, &key_marker, upload_marker.as_deref())?;
    let context = RequestContext::of(&req.extensions).map(Arc::as_ref);
    let mut slices = Slices::new(context, &ask, after);
    while let Some((ask, after)) = slices.next().await {
        let found = face.objects.uploads_list(authorised, bucket.name(), &ask, &after).await;
        slices.add(found.map_err(failed)?);
    }
    let page = slices.page();
    let mut owners = Owners::of(face, bucket);
    let mut uploads = Vec::with_capacity(page.entries.len());
    for entry in &page.entries {
        uploads.push(line(entry, owners.owner(entry.upload.owner).await?, spelling));
    }
    let next = page.next.as_ref().filter(|_| limit > 0);
    let (next_key, next_upload) = next.map_or((None, None), |after| {
        let (key, upload) = markers_of(after);
        (Some(key), upload)
    });
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(bucket.name().as_str().to_owned()),
        common_prefixes: spelling.prefixes(&page.prefixes),
        delimiter: spelling.write_some(ask.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        is_truncated: Some(next.is_some()),
        key_marker: Some(spelling.write(&key_marker)),
        max_uploads: Some(as_i32(limit)),
        next_key_marker: spelling.write_some(next_key),
        next_upload_id_marker: next_upload,
        prefix: Some(spelling.write(&ask.prefix)),
        request_charged: None,
        upload_id_marker: Some(upload_marker.unwrap_or_default()),
        uploads: (!uploads.is_empty()).then_some(uploads),
    }))
}

fn after(ask: &ListAsk, key: &str, upload: Option<&str>) -> S3Result<AfterUpload> {
    match (key, upload) {
        ("", _) => Ok(AfterUpload::Start),
        (key, None) if is_common_prefix(ask, key) => Ok(AfterUpload::Prefix(key.to_owned())),
        (key, None) => Ok(AfterUpload::Key(key.to_owned())),
        (key, Some(text)) => {
            let upload = text.parse().map_err(|_| invalid_argument("Invalid uploadId marker"))?;
            Ok(AfterUpload::Upload(key.to_owned(), upload))
        }
    }
}

fn markers_of(after: &AfterUpload) -> (&str, Option<String>) {
    match after {
        AfterUpload::Start => ("", None),
        AfterUpload::Key(key) | AfterUpload::Prefix(key) => (key, None),
        AfterUpload::Upload(key, upload) => (key, Some(upload.to_string())),
    }
}

fn line(entry: &ListedUpload, owner: Owner, spelling: Spelling) -> MultipartUpload {
    let upload = &entry.upload;
    let initiator = Initiator { display_name: owner.display_name.clone(), id: owner.id.clone() };
    let class = upload.storage_class.clone();
    MultipartUpload {
        checksum_algorithm: upload.checksum.map(|(algorithm, _)| {
            ChecksumAlgorithm::from_static(::objects::checksum_name(algorithm))
        }),
        checksum_type: upload
            .checksum
            .map(|(_, kind)| ChecksumType::from_static(checksums::kind_name(kind))),
        initiated: Some(date::dto(upload.created)),
        initiator: Some(initiator),
        key: Some(spelling.write(entry.key.as_str())),
        owner: Some(owner),
        storage_class: Some(
            class.map_or_else(
                || StorageClass::from_static(StorageClass::STANDARD),
                StorageClass::from,
            ),
        ),
        upload_id: Some(entry.id.to_string()),
    }
}
