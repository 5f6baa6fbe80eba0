//! GET bucket, second version of the listing.

use std::sync::Arc;

use catalog::After;
use s3s::dto::{ListObjectsV2Input, ListObjectsV2Output};
use s3s::{S3Request, S3Response, S3Result};

use super::objects::{ROOT, capacity, contents, frame};
use super::slices::Slices;
use super::{Owners, Spelling, ask, lines};
use crate::Face;
use crate::error::{failed, invalid_argument};
use crate::gate;
use crate::request::RequestContext;
use crate::xml::{Document, Xml};

/// Serves `ListObjectsV2`.
pub(crate) async fn list_objects_v2(
    face: &Face,
    req: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let authorised = gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let input = req.input;
    let spelling = Spelling::of(input.encoding_type.as_ref())?;
    let limit = lines(input.max_keys)?;
    let ask = ask(input.prefix.as_deref(), input.delimiter.as_deref(), limit);
    let start = input.start_after.as_deref().filter(|text| !text.is_empty());
    let after = match (input.continuation_token.as_deref(), start) {
        (Some(token), _) => decode(token)?,
        (None, Some(start)) => After::Key(start.to_owned()),
        (None, None) => After::Start,
    };
    let context = RequestContext::of(&req.extensions).map(Arc::as_ref);
    let mut slices = Slices::new(context, &ask, after);
    while let Some((ask, after)) = slices.next().await {
        let found = face.objects.objects_list(authorised, bucket.name(), &ask, &after).await;
        slices.add(found.map_err(failed)?);
    }
    let page = slices.page();
    let next = page.next.as_ref().filter(|_| limit > 0);
    let mut xml = Xml::with_namespace(ROOT, capacity(&page));
    xml.element("Name", bucket.name().as_str());
    spelling.element(&mut xml, "Prefix", &ask.prefix);
    if let Some(start) = &input.start_after {
        spelling.element(&mut xml, "StartAfter", start);
    }
    xml.element_some("ContinuationToken", input.continuation_token.as_deref());
    xml.element_some("NextContinuationToken", next.map(encode).as_deref());
    xml.plain("KeyCount", page.entries.len().saturating_add(page.prefixes.len()));
    frame(&mut xml, &ask, limit, spelling, next.is_some());
    let mut owners = Owners::of(face, bucket);
    for entry in &page.entries {
        let owner = match input.fetch_owner {
            Some(true) => Some(owners.owner(entry.head.owner).await?),
            _ => None,
        };
        contents(&mut xml, entry, spelling, owner.as_ref());
    }
    spelling.prefixes_into(&mut xml, &page.prefixes);
    Ok(Document::answer(xml.end(ROOT), ListObjectsV2Output::default()))
}

/// Tokens are opaque: nobody may come to rely on what is in them.
fn encode(after: &After) -> String {
    let (kind, text) = match after {
        After::Start => ('k', ""),
        After::Key(text) => ('k', text.as_str()),
        After::Prefix(text) => ('p', text.as_str()),
    };
    hex::encode(format!("{kind}{text}"))
}

fn decode(token: &str) -> S3Result<After> {
    if token.is_empty() {
        return Ok(After::Start);
    }
    let text = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let after = text.as_deref().and_then(|text| {
        let key = text.strip_prefix('k').map(|key| After::Key(key.to_owned()));
        key.or_else(|| text.strip_prefix('p').map(|prefix| After::Prefix(prefix.to_owned())))
    });
    after.ok_or_else(|| invalid_argument("The continuation token provided is incorrect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip() {
        for after in [After::Key("a/é".to_owned()), After::Prefix("b/".to_owned())] {
            assert_eq!(decode(&encode(&after)).ok(), Some(after));
        }
        for token in ["zz", "00", "ff"] {
            assert!(decode(token).is_err(), "{token}");
        }
    }
}
