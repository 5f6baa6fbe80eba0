//! GET bucket, second version of the listing.

use catalog::After;
use s3s::dto::{ListObjectsV2Input, ListObjectsV2Output, Object};
use s3s::{S3Request, S3Response, S3Result};

use super::objects::line;
use super::{Owners, Spelling, as_i32, ask, lines};
use crate::Face;
use crate::error::{failed, invalid_argument};
use crate::gate;

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
    let page =
        face.objects.objects_list(authorised, bucket.name(), &ask, &after).await.map_err(failed)?;
    let with_owner = input.fetch_owner.unwrap_or(false);
    let mut owners = Owners::of(face, bucket);
    let mut contents = Vec::with_capacity(page.entries.len());
    for entry in &page.entries {
        let owner = if with_owner { Some(owners.owner(entry.head.owner).await?) } else { None };
        contents.push(Object { owner, ..line(entry, spelling) });
    }
    let next = page.next.as_ref().filter(|_| limit > 0);
    let key_count = contents.len().saturating_add(page.prefixes.len());
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(bucket.name().as_str().to_owned()),
        prefix: Some(spelling.write(&ask.prefix)),
        max_keys: Some(as_i32(limit)),
        key_count: Some(as_i32(key_count)),
        continuation_token: input.continuation_token,
        is_truncated: Some(next.is_some()),
        next_continuation_token: next.map(encode),
        contents: (!contents.is_empty()).then_some(contents),
        common_prefixes: spelling.prefixes(&page.prefixes),
        delimiter: spelling.write_some(ask.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        start_after: spelling.write_some(input.start_after.as_deref()),
        request_charged: None,
    }))
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
