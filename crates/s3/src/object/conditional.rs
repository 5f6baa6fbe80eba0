//! Conditional headers and ranges of a read (RFC 9110, sections 13 and 14).
//!
//! What cannot be understood is ignored, as the RFC and S3 say: a client that
//! sends a range this site cannot serve gets the whole object.

use catalog::ETag;
use catalog::command::ETagMatch;
use http::HeaderMap;
use objects::{RangeAsk, ReadConditions};
use units::Timestamp;

use super::header_text;

/// The conditions that the headers name; `prefix` is `""` or `"x-amz-copy-source-"`.
pub(crate) fn read_conditions(headers: &HeaderMap, prefix: &str) -> ReadConditions {
    let text = |name: &str| header_text(headers, &format!("{prefix}{name}"));
    ReadConditions {
        if_match: text("if-match").map(etag_match),
        if_none_match: text("if-none-match").map(etag_match),
        if_modified_since: text("if-modified-since").and_then(http_date),
        if_unmodified_since: text("if-unmodified-since").and_then(http_date),
    }
}

/// What a write's condition names: `*` or a list of entity tags.
pub(crate) fn etag_match(list: &str) -> ETagMatch {
    let tags = entity_tags(list);
    if tags.iter().any(|tag| tag == "*") {
        return ETagMatch::Any;
    }
    ETagMatch::OneOf(tags.iter().map(|tag| ETag::parse(tag)).collect())
}

/// The entity tags of a list, without quotes and without `W/`; `*` as such.
fn entity_tags(list: &str) -> Vec<String> {
    list.split(',').map(|tag| entity_tag(tag).to_owned()).filter(|tag| !tag.is_empty()).collect()
}

/// One entity tag without quotes and without `W/`.
pub(crate) fn entity_tag(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let unquoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    unquoted.unwrap_or(tag)
}

/// The `Range` header, if it asks for one range of bytes.
pub(crate) fn range(headers: &HeaderMap) -> Option<RangeAsk> {
    parse_range(header_text(headers, "range")?)
}

/// One range of bytes; `None` for several, for other units and for nonsense.
fn parse_range(text: &str) -> Option<RangeAsk> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |digits: &str| -> Option<u64> {
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    match (first.trim(), last.trim()) {
        ("", "") => None,
        ("", length) => Some(RangeAsk::Suffix { length: number(length)? }),
        (first, "") => Some(RangeAsk::From { first: number(first)? }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(RangeAsk::Bounded { first, last })
        }
    }
}

/// `x-amz-copy-source-range`: both ends must be named.
pub(crate) fn copy_range(text: &str) -> Option<RangeAsk> {
    match parse_range(text)? {
        bounded @ RangeAsk::Bounded { .. } => Some(bounded),
        RangeAsk::From { .. } | RangeAsk::Suffix { .. } => None,
    }
}

/// A date as HTTP writes it, in any of the three forms of RFC 9110 section 5.6.7,
/// or as SDKs write it where they should not (RFC 3339).
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    use time::format_description::well_known::{Rfc2822, Rfc3339};
    use time::macros::format_description;
    use time::{OffsetDateTime, PrimitiveDateTime};

    let text = text.trim();
    if let Ok(date) = OffsetDateTime::parse(text, &Rfc2822) {
        return Some(Timestamp::from_seconds(date.unix_timestamp()));
    }
    if let Ok(date) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(Timestamp::from_seconds(date.unix_timestamp()));
    }
    // asctime, with or without the leading space of a one-digit day.
    let asctime = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:none] [hour]:[minute]:[second] [year]"
    );
    let single_spaced = text.replace("  ", " ");
    let date = PrimitiveDateTime::parse(&single_spaced, asctime).ok()?;
    Some(Timestamp::from_seconds(date.assume_utc().unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let check = |text: &str, expected: Option<RangeAsk>| {
            assert_eq!(parse_range(text), expected, "{text:?}");
        };
        check("bytes=0-9", Some(RangeAsk::Bounded { first: 0, last: 9 }));
        check("bytes=5-5", Some(RangeAsk::Bounded { first: 5, last: 5 }));
        check("bytes=4-", Some(RangeAsk::From { first: 4 }));
        check("bytes=-7", Some(RangeAsk::Suffix { length: 7 }));
        check("bytes=-0", Some(RangeAsk::Suffix { length: 0 }));
        for nonsense in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=9-0",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "bytes=+1-2",
            "bytes=1-99999999999999999999",
            "lines=0-1",
            "0-1",
        ] {
            check(nonsense, None);
        }
    }

    #[test]
    fn copy_ranges_name_both_ends() {
        assert_eq!(copy_range("bytes=0-2"), Some(RangeAsk::Bounded { first: 0, last: 2 }));
        for refused in
            ["0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=hello-", "bytes=0-2,3-5"]
        {
            assert_eq!(copy_range(refused), None, "{refused:?}");
        }
        assert_eq!(copy_range("bytes=1-"), None);
        assert_eq!(copy_range("bytes=-1"), None);
    }

    #[test]
    fn tags_lose_their_quotes() {
        let check = |list: &str, expected: &[&str]| {
            assert_eq!(entity_tags(list), expected, "{list:?}");
        };
        check("\"abc\"", &["abc"]);
        check("abc", &["abc"]);
        check("W/\"abc\"", &["abc"]);
        check("\"a\", \"b\" ,c", &["a", "b", "c"]);
        check("*", &["*"]);
        check("\"\"", &[]);
    }

    #[test]
    fn dates() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(http_date(text).map(Timestamp::seconds), expected, "{text:?}");
        };
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777));
        check("Sun Nov  6 08:49:37 1994", Some(784_111_777));
        check("1994-11-06T08:49:37Z", Some(784_111_777));
        check("1994-11-06T08:49:37.5Z", Some(784_111_777));
        check("yesterday", None);
        check("", None);
    }
}
