//! GET bucket versions.

use catalog::{AfterVersion, ListAsk, ListedVersion, VersionKind, VersionName};
use s3s::dto::{
    DeleteMarkerEntry, ListObjectVersionsInput, ListObjectVersionsOutput, ObjectVersion,
    ObjectVersionStorageClass, Owner,
};
use s3s::{S3Request, S3Response, S3Result};

use super::{Owners, Spelling, as_i32, ask, checksums, etag, is_common_prefix, lines, size};
use crate::Face;
use crate::date;
use crate::error::{failed, invalid_argument};
use crate::gate;

/// Serves `ListObjectVersions`.
pub(crate) async fn list_object_versions(
    face: &Face,
    req: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let input = req.input;
    let spelling = Spelling::of(input.encoding_type.as_ref())?;
    let limit = lines(input.max_keys)?;
    let ask = ask(input.prefix.as_deref(), input.delimiter.as_deref(), limit);
    let key_marker = input.key_marker.unwrap_or_default();
    let version_marker = input.version_id_marker.filter(|text| !text.is_empty());
    let after = after(&ask, &key_marker, version_marker.as_deref())?;
    let page = face
        .objects
        .versions_list(authorised, bucket.name(), &ask, &after)
        .await
        .map_err(failed)?;
    let mut owners = Owners::of(face, bucket);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for entry in &page.entries {
        let owner = owners.owner(entry.head.owner).await?;
        match entry.head.kind {
            VersionKind::Object => versions.push(version(entry, owner, spelling)),
            VersionKind::DeleteMarker => markers.push(marker(entry, owner, spelling)),
        }
    }
    let next = page.next.as_ref().filter(|_| limit > 0);
    let (next_key, next_version) = next.map_or((None, None), |after| {
        let (key, version) = markers_of(after);
        (Some(key), version)
    });
    Ok(S3Response::new(ListObjectVersionsOutput {
        common_prefixes: spelling.prefixes(&page.prefixes),
        delete_markers: (!markers.is_empty()).then_some(markers),
        delimiter: spelling.write_some(ask.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        is_truncated: Some(next.is_some()),
        key_marker: Some(spelling.write(&key_marker)),
        max_keys: Some(as_i32(limit)),
        name: Some(bucket.name().as_str().to_owned()),
        next_key_marker: spelling.write_some(next_key),
        next_version_id_marker: next_version,
        prefix: Some(spelling.write(&ask.prefix)),
        request_charged: None,
        version_id_marker: Some(version_marker.unwrap_or_default()),
        versions: (!versions.is_empty()).then_some(versions),
    }))
}

fn after(ask: &ListAsk, key: &str, version: Option<&str>) -> S3Result<AfterVersion> {
    match (key, version) {
        ("", None) => Ok(AfterVersion::Start),
        ("", Some(_)) => {
            Err(invalid_argument("A version-id marker cannot be specified without a key marker."))
        }
        (key, None) if is_common_prefix(ask, key) => Ok(AfterVersion::Prefix(key.to_owned())),
        (key, None) => Ok(AfterVersion::Key(key.to_owned())),
        (key, Some(text)) => {
            let version: Result<VersionName, _> = text.parse();
            let version = version.map_err(|_| invalid_argument("Invalid version id specified"))?;
            Ok(AfterVersion::Version(key.to_owned(), version))
        }
    }
}

fn markers_of(after: &AfterVersion) -> (&str, Option<String>) {
    match after {
        AfterVersion::Start => ("", None),
        AfterVersion::Key(key) | AfterVersion::Prefix(key) => (key, None),
        AfterVersion::Version(key, version) => (key, Some(version.to_string())),
    }
}

fn version(entry: &ListedVersion, owner: Owner, spelling: Spelling) -> ObjectVersion {
    let head = &entry.head;
    let class = head.storage_class.clone();
    let (checksum_algorithm, checksum_type) = checksums(head.checksum);
    ObjectVersion {
        checksum_algorithm,
        checksum_type,
        e_tag: Some(etag(&head.etag)),
        is_latest: Some(entry.is_latest),
        key: Some(spelling.write(entry.key.as_str())),
        last_modified: Some(date::dto(head.modified)),
        owner: Some(owner),
        restore_status: None,
        size: size(head.size),
        storage_class: Some(class.map_or_else(
            || ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD),
            ObjectVersionStorageClass::from,
        )),
        version_id: Some(head.name().to_string()),
    }
}

fn marker(entry: &ListedVersion, owner: Owner, spelling: Spelling) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        is_latest: Some(entry.is_latest),
        key: Some(spelling.write(entry.key.as_str())),
        last_modified: Some(date::dto(entry.head.modified)),
        owner: Some(owner),
        version_id: Some(entry.head.name().to_string()),
    }
}
