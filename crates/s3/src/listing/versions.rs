//! GET bucket versions.

use std::sync::Arc;

use catalog::{AfterVersion, ListAsk, ListedVersion, VersionKind, VersionName};
use s3s::dto::{ListObjectVersionsInput, ListObjectVersionsOutput, Owner};
use s3s::{S3Request, S3Response, S3Result};

use super::objects::frame;
use super::slices::Slices;
use super::{Owners, Spelling, ask, is_common_prefix, lines, marker_facts, version_facts};
use crate::Face;
use crate::error::{failed, invalid_argument};
use crate::gate;
use crate::request::RequestContext;
use crate::xml::{Document, Xml};

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
    let context = RequestContext::of(&req.extensions).map(Arc::as_ref);
    let mut slices = Slices::new(context, &ask, after);
    while let Some((ask, after)) = slices.next().await {
        let found = face.objects.versions_list(authorised, bucket.name(), &ask, &after).await;
        slices.add(found.map_err(failed)?);
    }
    let page = slices.page();
    let next = page.next.as_ref().filter(|_| limit > 0);
    let mut xml = Xml::with_namespace(ROOT, 512 * (1 + page.entries.len()));
    xml.element("Name", bucket.name().as_str());
    spelling.element(&mut xml, "Prefix", &ask.prefix);
    spelling.element(&mut xml, "KeyMarker", &key_marker);
    xml.element("VersionIdMarker", version_marker.as_deref().unwrap_or_default());
    if let Some((key, version)) = next.map(markers_of) {
        spelling.element(&mut xml, "NextKeyMarker", key);
        xml.element_some("NextVersionIdMarker", version.as_deref());
    }
    frame(&mut xml, &ask, limit, spelling, next.is_some());
    let mut owners = Owners::of(face, bucket);
    for entry in &page.entries {
        let owner = owners.owner(entry.head.owner).await?;
        line(&mut xml, entry, &owner, spelling);
    }
    spelling.prefixes_into(&mut xml, &page.prefixes);
    Ok(Document::answer(xml.end(ROOT), ListObjectVersionsOutput::default()))
}

/// The root of this listing.
const ROOT: &str = "ListVersionsResult";

/// One version or delete marker.
fn line(xml: &mut Xml, entry: &ListedVersion, owner: &Owner, spelling: Spelling) {
    let name = match entry.head.kind {
        VersionKind::Object => "Version",
        VersionKind::DeleteMarker => "DeleteMarker",
    };
    xml.open(name);
    spelling.element(xml, "Key", entry.key.as_str());
    xml.plain("VersionId", entry.head.name());
    xml.plain("IsLatest", entry.is_latest);
    match entry.head.kind {
        VersionKind::Object => version_facts(xml, &entry.head, Some(owner)),
        VersionKind::DeleteMarker => marker_facts(xml, &entry.head, Some(owner)),
    }
    xml.close(name);
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
