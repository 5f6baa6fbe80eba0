//! GET bucket, first version of the listing.

use std::sync::Arc;

use catalog::{After, ListAsk, ListPage, ListedObject};
use s3s::dto::{ListObjectsInput, ListObjectsOutput, Owner};
use s3s::{S3Request, S3Response, S3Result};

use super::slices::Slices;
use super::{Owners, Spelling, ask, is_common_prefix, lines, version_facts};
use crate::Face;
use crate::error::failed;
use crate::gate;
use crate::request::RequestContext;
use crate::xml::{Document, Xml};

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
    let context = RequestContext::of(&req.extensions).map(Arc::as_ref);
    let mut slices = Slices::new(context, &ask, after);
    while let Some((ask, after)) = slices.next().await {
        let found = face.objects.objects_list(authorised, bucket.name(), &ask, &after).await;
        slices.add(found.map_err(failed)?);
    }
    let page = slices.page();
    // The last key says where to go on, unless it was rolled up or is not the last looked at.
    let says_next = ask.delimiter.is_some() || page.ended_early;
    let next = page.next.as_ref().filter(|_| says_next).map(marker_of);
    let mut xml = Xml::with_namespace(ROOT, capacity(&page));
    xml.element("Name", bucket.name().as_str());
    // Not encoded: this version of the listing never was.
    xml.element("Prefix", &ask.prefix);
    spelling.element(&mut xml, "Marker", &marker);
    if let Some(next) = next {
        spelling.element(&mut xml, "NextMarker", next);
    }
    frame(&mut xml, &ask, limit, spelling, page.next.is_some() && limit > 0);
    let mut owners = Owners::of(face, bucket);
    for entry in &page.entries {
        let owner = owners.owner(entry.head.owner).await?;
        contents(&mut xml, entry, spelling, Some(&owner));
    }
    spelling.prefixes_into(&mut xml, &page.prefixes);
    Ok(Document::answer(xml.end(ROOT), ListObjectsOutput::default()))
}

fn marker_of(after: &After) -> &str {
    match after {
        After::Start => "",
        After::Key(text) | After::Prefix(text) => text,
    }
}

/// The root of the first two listings.
pub(super) const ROOT: &str = "ListBucketResult";

/// What the document of a page will about need.
pub(super) fn capacity(page: &ListPage<ListedObject, After>) -> usize {
    LINE_BYTES * (1 + page.entries.len()) + page.prefixes.len() * 128
}

/// What a line needs whose key is not very long.
const LINE_BYTES: usize = 384;

/// What both versions say of the page itself.
pub(super) fn frame(xml: &mut Xml, ask: &ListAsk, limit: usize, spelling: Spelling, more: bool) {
    xml.plain("MaxKeys", limit);
    if let Some(delimiter) = &ask.delimiter {
        spelling.element(xml, "Delimiter", delimiter);
    }
    if spelling.url {
        xml.plain("EncodingType", "url");
    }
    xml.plain("IsTruncated", more);
}

/// One line of a listing.
pub(super) fn contents(
    xml: &mut Xml,
    entry: &ListedObject,
    spelling: Spelling,
    owner: Option<&Owner>,
) {
    xml.open("Contents");
    spelling.element(xml, "Key", entry.key.as_str());
    version_facts(xml, &entry.head, owner);
    xml.close("Contents");
}
