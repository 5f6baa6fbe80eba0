//! GET ?uploadId: the parts of an upload in progress.

use http::HeaderMap;
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, ETag, Initiator, ListPartsInput, ListPartsOutput, Part,
    StorageClass,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use units::PartNumber;

use super::upload_name;
use crate::Face;
use crate::date;
use crate::error::failed;
use crate::gate;
use crate::limits::PART_LINES_MAX;
use crate::object::{checksums, expiration, owner};

/// Serves `ListParts`.
pub(crate) async fn list_parts(
    face: &Face,
    req: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let number = |name: &str, number: Option<i32>| {
        number
            .map(|number| {
                u32::try_from(number)
                    .map(|number| u16::try_from(number).unwrap_or(u16::MAX))
                    .map_err(|_| s3_error!(InvalidArgument, "{name} is not a number of parts"))
            })
            .transpose()
    };
    let asked = number("max-parts", req.input.max_parts)?.unwrap_or(PART_LINES_MAX);
    let marker = number("part-number-marker", req.input.part_number_marker)?.unwrap_or(0);
    let count_max = asked.min(PART_LINES_MAX);
    let name = upload_name(&req.input.bucket, &req.input.key, &req.input.upload_id)?;
    let after = Some(PartNumber::new(marker)).filter(|_| marker > 0);
    let authorised = gate::authorised(&req.extensions)?;
    // One more than is shown tells whether there are more.
    let count = usize::from(count_max);
    let (upload, mut lines) = face
        .objects
        .parts_list(authorised, &name, after, count.saturating_add(1))
        .await
        .map_err(failed)?;
    let is_truncated = lines.len() > count;
    lines.truncate(count);
    let next = lines.last().map(|part| part.number).filter(|_| is_truncated);

    let declared = upload.checksum;
    let parts = lines.iter().map(|part| {
        let mut line = Part {
            e_tag: Some(ETag::Strong(catalog::ETag::from(part.md5).to_string())),
            last_modified: Some(date::dto(part.modified)),
            part_number: Some(i32::from(part.number.get())),
            size: i64::try_from(part.size.get()).ok(),
            ..Part::default()
        };
        if let Some(checksum) = part.checksum.as_ref().filter(|_| declared.is_some()) {
            *checksums::slot!(line, checksum.algorithm) =
                Some(checksums::value_text(checksum, None));
        }
        line
    });
    let judge = gate::judge(&req.extensions)?;
    let owner = owner::shown(face, judge, upload.owner).await?;
    let class = upload.storage_class.as_deref().unwrap_or(StorageClass::STANDARD);
    let mut output = ListPartsOutput {
        checksum_algorithm: declared.map(|(algorithm, _)| {
            ChecksumAlgorithm::from_static(objects::checksum_name(algorithm))
        }),
        checksum_type: declared
            .map(|(_, kind)| ChecksumType::from_static(checksums::kind_name(kind))),
        initiator: Some(Initiator {
            display_name: owner.display_name.clone(),
            id: owner.id.clone(),
        }),
        owner: Some(owner),
        is_truncated: Some(is_truncated),
        max_parts: Some(i32::from(count_max)),
        next_part_number_marker: next.map(|next| i32::from(next.get())),
        part_number_marker: Some(i32::from(marker)),
        parts: Some(parts.collect()),
        storage_class: Some(StorageClass::from(class.to_owned())),
        ..ListPartsOutput::default()
    };
    let mut headers = HeaderMap::new();
    expiration::answer_abort(&mut headers, judge, &req.input.key, upload.created);
    output.bucket = Some(req.input.bucket);
    output.key = Some(req.input.key);
    output.upload_id = Some(req.input.upload_id);
    Ok(S3Response::with_headers(output, headers))
}
