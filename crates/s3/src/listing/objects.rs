//! GET bucket, first version of the listing.

use catalog::{After, ListedObject};
use s3s::dto::{ListObjectsInput, ListObjectsOutput, Object, ObjectStorageClass};
use s3s::{S3Request, S3Response, S3Result};

use super::{Owners, Spelling, as_i32, ask, checksums, etag, is_common_prefix, lines, size};
use crate::Face;
use crate::date;
use crate::error::failed;
use crate::gate;

/// Serves `ListObjects`.
pub(crate) async fn list_objects(
    face: &Face,
    req: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let input = req.input;
    let spelling = Spelling::of(input.encoding_type.as_ref())?;
    let limit = lines(input.max_keys)?;
    let ask = ask(input.prefix.as_deref(), input.delimiter.as_deref(), limit);
    let marker = input.marker.unwrap_or_default();
    let after = match marker.as_str() {
        "" => After::Start,
        marker if is_common_prefix(&ask, marker) => After::Prefix(marker.to_owned()),
        marker => After::Key(marker.to_owned()),
    };
    let page =
        face.objects.objects_list(authorised, bucket.name(), &ask, &after).await.map_err(failed)?;
    let mut owners = Owners::of(face, bucket);
    let mut contents = Vec::with_capacity(page.entries.len());
    for entry in &page.entries {
        let owner = owners.owner(entry.head.owner).await?;
        contents.push(Object { owner: Some(owner), ..line(entry, spelling) });
    }
    let next = page.next.as_ref().filter(|_| ask.delimiter.is_some()).map(marker_of);
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(bucket.name().as_str().to_owned()),
        // Not encoded: this version of the listing never was.
        prefix: Some(ask.prefix.clone()),
        marker: Some(spelling.write(&marker)),
        max_keys: Some(as_i32(limit)),
        is_truncated: Some(page.next.is_some() && limit > 0),
        contents: (!contents.is_empty()).then_some(contents),
        common_prefixes: spelling.prefixes(&page.prefixes),
        delimiter: spelling.write_some(ask.delimiter.as_deref()),
        next_marker: spelling.write_some(next),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

fn marker_of(after: &After) -> &str {
    match after {
        After::Start => "",
        After::Key(text) | After::Prefix(text) => text,
    }
}

/// One line of a listing, without its owner.
pub(super) fn line(entry: &ListedObject, spelling: Spelling) -> Object {
    let head = &entry.head;
    let class = head.storage_class.clone();
    let (checksum_algorithm, checksum_type) = checksums(head.checksum);
    Object {
        checksum_algorithm,
        checksum_type,
        e_tag: Some(etag(&head.etag)),
        key: Some(spelling.write(entry.key.as_str())),
        last_modified: Some(date::dto(head.modified)),
        owner: None,
        restore_status: None,
        size: size(head.size),
        storage_class: Some(class.map_or_else(
            || ObjectStorageClass::from_static(ObjectStorageClass::STANDARD),
            ObjectStorageClass::from,
        )),
    }
}
