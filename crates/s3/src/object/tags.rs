//! Tags: the set in a header, the set in a document, and the rules for both.

use catalog::Tag;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3s::dto;
use s3s::{S3Result, s3_error};

use crate::limits::{TAG_KEY_CHARACTERS_MAX, TAG_VALUE_CHARACTERS_MAX, TAGS_MAX};

/// Reads `x-amz-tagging`: `key=value` pairs like a query string.
pub(crate) fn from_header(text: &str) -> S3Result<Vec<Tag>> {
    let invalid = || {
        s3_error!(
            InvalidArgument,
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query \
             parameters without tag name duplicates."
        )
    };
    let mut tags: Vec<Tag> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8().map(String::from).map_err(|_| invalid())
        };
        let tag = Tag { key: decode(key)?, value: decode(value)? };
        if tags.iter().any(|other| other.key == tag.key) {
            return Err(invalid());
        }
        tags.push(tag);
    }
    check(&tags)?;
    Ok(tags)
}

/// Writes what [`from_header`] reads.
pub(crate) fn header_of(tags: &[Tag]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = tags.iter().map(|tag| format!("{}={}", encoded(&tag.key), encoded(&tag.value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Reads a `TagSet`.
pub(crate) fn from_set(set: &[dto::Tag]) -> S3Result<Vec<Tag>> {
    let mut tags: Vec<Tag> = Vec::new();
    for tag in set {
        let tag = Tag {
            key: tag.key.clone().unwrap_or_default(),
            value: tag.value.clone().unwrap_or_default(),
        };
        if tags.iter().any(|other| other.key == tag.key) {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
        tags.push(tag);
    }
    check(&tags)?;
    Ok(tags)
}

/// Reads the `<Tagging>` document of a form field.
pub(crate) fn from_document(document: &str) -> S3Result<Vec<Tag>> {
    use s3s::xml::{Deserialize as _, Deserializer};
    let mut deserializer = Deserializer::new(document.as_bytes());
    let tagging = dto::Tagging::deserialize(&mut deserializer)
        .map_err(|_| s3_error!(MalformedXML, "The tagging document is not well-formed"))?;
    from_set(&tagging.tag_set)
}

/// The set of a version as a document holds it, by key.
pub(crate) fn of_record(tags: &[Tag]) -> Vec<dto::Tag> {
    let mut tags: Vec<&Tag> = tags.iter().collect();
    tags.sort();
    tags.into_iter()
        .map(|tag| dto::Tag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) })
        .collect()
}

fn check(tags: &[Tag]) -> S3Result {
    if tags.len() > TAGS_MAX {
        return Err(s3_error!(InvalidTag, "Object tags cannot be greater than {TAGS_MAX}"));
    }
    for Tag { key, value } in tags {
        if key.is_empty() || key.chars().count() > TAG_KEY_CHARACTERS_MAX {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if value.chars().count() > TAG_VALUE_CHARACTERS_MAX {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
        if key.starts_with("aws:") {
            return Err(s3_error!(InvalidTag, "System tags cannot be added/updated by requester"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_header(text: &str, expected: &[(&str, &str)]) {
        let tags = from_header(text).expect("tags");
        let found: Vec<_> = tags.iter().map(|t| (t.key.as_str(), t.value.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn headers() {
        check_header("", &[]);
        check_header("foo=bar&bar", &[("foo", "bar"), ("bar", "")]);
        check_header("a%20b=c+d&%C3%A9=%3D", &[("a b", "c d"), ("é", "=")]);
    }

    #[test]
    fn rules() {
        let code =
            |text: &str| from_header(text).err().map(|error| error.code().as_str().to_owned());
        assert_eq!(code("a=1&a=2").as_deref(), Some("InvalidArgument"));
        assert_eq!(code("a=%ff").as_deref(), Some("InvalidArgument"));
        assert_eq!(code("=1").as_deref(), Some("InvalidTag"));
        assert_eq!(code("aws:a=1").as_deref(), Some("InvalidTag"));
        assert_eq!(code(&format!("{}=1", "k".repeat(128))), None);
        assert_eq!(code(&format!("{}=1", "k".repeat(129))).as_deref(), Some("InvalidTag"));
        assert_eq!(code(&format!("k={}", "v".repeat(256))), None);
        assert_eq!(code(&format!("k={}", "v".repeat(257))).as_deref(), Some("InvalidTag"));
        let many: Vec<String> = (0..11).map(|n| format!("k{n}=v")).collect();
        assert_eq!(code(&many[..10].join("&")), None);
        assert_eq!(code(&many.join("&")).as_deref(), Some("InvalidTag"));
    }

    #[test]
    fn documents() {
        let document = "<Tagging><TagSet><Tag><Key>0</Key><Value>a</Value></Tag>\
                        <Tag><Key>1</Key><Value>b</Value></Tag></TagSet></Tagging>";
        let tags = from_document(document).expect("tags");
        assert_eq!(tags.get(1).map(|tag| tag.value.as_str()), Some("b"));
        assert!(from_document("<Tagging>").is_err());
    }
}
