//! GET object attributes: size, digest and parts without the bytes.

use objects::{GetObject, ObjectHead, ReadConditions};
use s3s::dto::{
    Checksum as ChecksumSet, ChecksumType, ETag, GetObjectAttributesInput,
    GetObjectAttributesOutput, GetObjectAttributesParts, ObjectPart as PartLine, StorageClass,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use units::PartNumber;

use super::{checksums, header_text, object_name, sse, version_ask};
use crate::Face;
use crate::date;
use crate::error::failed;
use crate::gate;
use crate::limits::PART_LINES_MAX;

/// Marks an answer whose entity tag stands without quotes, unlike everywhere else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnquotedETag;

impl UnquotedETag {
    /// Takes the quotes off that the protocol library puts on.
    pub(crate) fn correct(xml: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(xml);
        text.replacen("<ETag>\"", "<ETag>", 1).replacen("\"</ETag>", "</ETag>", 1).into_bytes()
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    ETag,
    Checksum,
    ObjectParts,
    StorageClass,
    ObjectSize,
}

/// Serves `GetObjectAttributes`.
pub(crate) async fn get_object_attributes(
    face: &Face,
    req: S3Request<GetObjectAttributesInput>,
) -> S3Result<S3Response<GetObjectAttributesOutput>> {
    let input = &req.input;
    sse::refuse_on_read(&req.headers)?;
    let wanted = wanted(&req.headers)?;
    let ask = GetObject {
        name: object_name(&input.bucket, &input.key)?,
        version: version_ask(input.version_id.as_deref())?,
        range: None,
        part: None,
        conditions: ReadConditions::default(),
        customer_key: sse::customer_key(&req.headers, "x-amz-")?,
    };
    let authorised = gate::authorised(&req.extensions)?;
    let head = face.objects.object_head(authorised, ask).await.map_err(failed)?;

    let record = &head.version;
    let mut output = GetObjectAttributesOutput {
        last_modified: Some(date::dto(record.head.modified)),
        ..GetObjectAttributesOutput::default()
    };
    if wanted.contains(&Attribute::ETag) {
        output.e_tag = Some(ETag::Strong(record.head.etag.to_string()));
    }
    if wanted.contains(&Attribute::ObjectSize) {
        output.object_size = i64::try_from(record.head.size.get()).ok();
    }
    if wanted.contains(&Attribute::StorageClass) {
        let class = record.head.storage_class.as_deref().unwrap_or(StorageClass::STANDARD);
        output.storage_class = Some(StorageClass::from(class.to_owned()));
    }
    if wanted.contains(&Attribute::Checksum) {
        output.checksum = checksum(&head);
    }
    if wanted.contains(&Attribute::ObjectParts) && head.parts_count.is_some() {
        output.object_parts = Some(parts(face, &req, &head).await?);
    }
    if head.versioned {
        output.version_id = Some(record.head.name().to_string());
    }
    let mut response = S3Response::new(output);
    response.extensions.insert(UnquotedETag);
    Ok(response)
}

fn wanted(headers: &http::HeaderMap) -> S3Result<Vec<Attribute>> {
    let mut wanted = Vec::new();
    for value in headers.get_all("x-amz-object-attributes") {
        for name in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            wanted.push(match name {
                "" => continue,
                "ETag" => Attribute::ETag,
                "Checksum" => Attribute::Checksum,
                "ObjectParts" => Attribute::ObjectParts,
                "StorageClass" => Attribute::StorageClass,
                "ObjectSize" => Attribute::ObjectSize,
                _ => return Err(s3_error!(InvalidArgument, "Invalid attribute name specified.")),
            });
        }
    }
    Ok(wanted)
}

fn checksum(head: &ObjectHead) -> Option<ChecksumSet> {
    let checksum = head.checksum.as_ref()?;
    // Unlike in headers, a composite digest stands here without its count.
    let value = checksums::value_text(checksum, head.parts_count);
    let mut set = ChecksumSet {
        checksum_type: Some(ChecksumType::from_static(checksums::kind_name(checksum.kind))),
        ..ChecksumSet::default()
    };
    *checksums::slot!(set, checksum.algorithm) = Some(value);
    Some(set)
}

async fn parts(
    face: &Face,
    req: &S3Request<GetObjectAttributesInput>,
    head: &ObjectHead,
) -> S3Result<GetObjectAttributesParts> {
    let number = |name: &str| -> S3Result<Option<u16>> {
        let Some(text) = header_text(&req.headers, name) else { return Ok(None) };
        let number: u32 =
            text.parse().map_err(|_| s3_error!(InvalidArgument, "{name} is not a number"))?;
        Ok(Some(u16::try_from(number).unwrap_or(u16::MAX)))
    };
    let asked = number("x-amz-max-parts")?.unwrap_or(PART_LINES_MAX);
    let marker = number("x-amz-part-number-marker")?.unwrap_or(0);
    let name = object_name(&req.input.bucket, &req.input.key)?;
    // Exactly the version whose head was read, should another appear in between.
    let version = head.version.head.name().into();
    let after = Some(PartNumber::new(marker)).filter(|_| marker > 0);
    let count_max = asked.min(PART_LINES_MAX);
    let count = usize::from(count_max);
    let authorised = gate::authorised(&req.extensions)?;
    let page = face
        .objects
        .object_parts_list(authorised, &name, version, after, count)
        .await
        .map_err(failed)?;
    let composite = page.parts.iter().any(|part| part.checksum.is_some()) && shows_digests(head);
    let lines = page.parts.iter().map(|part| {
        let mut line = PartLine {
            part_number: Some(i32::from(part.part.get())),
            size: i64::try_from(part.size.get()).ok(),
            ..PartLine::default()
        };
        if let Some(checksum) = part.checksum.as_ref().filter(|_| composite) {
            *checksums::slot!(line, checksum.algorithm) =
                Some(checksums::value_text(checksum, None));
        }
        line
    });
    Ok(GetObjectAttributesParts {
        is_truncated: Some(page.next.is_some()),
        max_parts: Some(i32::from(count_max)),
        next_part_number_marker: page.next.map(|next| i32::from(next.get())),
        part_number_marker: Some(i32::from(marker)),
        parts: Some(lines.collect()),
        total_parts_count: Some(i32::from(page.count)),
    })
}

/// Whether the parts' digests are the client's, not the ones every part has.
fn shows_digests(head: &ObjectHead) -> bool {
    head.checksum.is_some()
}
