//! User metadata and content headers, as they are kept and as they are answered.
//!
//! Header values are bytes. What is ASCII is kept as it came, RFC 2047 encoded
//! words included, and so answered. A value sent as UTF-8 is kept as an encoded
//! word, which is what S3 answers for it. A value that is not UTF-8 is Latin-1
//! (RFC 9110, section 5.5, obs-text): it is kept as text and answered in the
//! same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use s3s::{S3Result, s3_error};

use crate::limits::METADATA_BYTES_MAX;

/// Names of the headers that the gate turned from Latin-1 into UTF-8.
#[derive(Clone, Debug, Default)]
pub(crate) struct LatinHeaders(pub Vec<http::HeaderName>);

/// Turns Latin-1 header values into UTF-8, which is what clients sign and what the
/// protocol library reads; the names are noted, for the answers.
pub(crate) fn latin_to_utf8(parts: &mut http::request::Parts) {
    let mut turned = LatinHeaders::default();
    for (name, value) in &mut parts.headers {
        if core::str::from_utf8(value.as_bytes()).is_ok() {
            continue;
        }
        let text: String = value.as_bytes().iter().map(|&byte| char::from(byte)).collect();
        if let Ok(utf8) = HeaderValue::from_bytes(text.as_bytes()) {
            *value = utf8;
            turned.0.push(name.clone());
        }
    }
    if !turned.0.is_empty() {
        parts.extensions.insert(turned);
    }
}

/// Longest piece of text in one encoded word: 75 characters with its frame.
const ENCODED_WORD_BYTES: usize = 45;

/// Reads `x-amz-meta-*`; keys in lower case, without the prefix.
pub(crate) fn user_metadata(
    headers: &HeaderMap,
    latin: Option<&LatinHeaders>,
) -> S3Result<Vec<(String, String)>> {
    let mut metadata = Vec::new();
    let mut bytes = 0_usize;
    for name in headers.keys() {
        let Some(key) = name.as_str().strip_prefix("x-amz-meta-") else { continue };
        if key.is_empty() {
            continue;
        }
        let is_latin = latin.is_some_and(|latin| latin.0.contains(name));
        // Several headers of one name are one list (RFC 9110, section 5.3).
        let values: Vec<String> =
            headers.get_all(name).iter().map(|value| kept(value, is_latin)).collect();
        let value = values.join(",");
        bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
        metadata.push((key.to_owned(), value));
    }
    if bytes > METADATA_BYTES_MAX {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size"
        ));
    }
    metadata.sort();
    Ok(metadata)
}

/// The text that is kept for a header value.
fn kept(value: &HeaderValue, is_latin: bool) -> String {
    let bytes = value.as_bytes();
    match core::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() || is_latin => text.to_owned(),
        Ok(text) => encoded_words(text),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// The header value that is answered for a kept text.
pub(crate) fn answered(text: &str) -> Option<HeaderValue> {
    let latin: Option<Vec<u8>> =
        text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    match latin {
        Some(bytes) => HeaderValue::from_bytes(&bytes).ok(),
        None => HeaderValue::from_str(&encoded_words(text)).ok(),
    }
}

/// RFC 2047 encoded words of a text, base64.
pub(crate) fn encoded_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut piece = String::new();
    for character in text.chars() {
        if piece.len().saturating_add(character.len_utf8()) > ENCODED_WORD_BYTES {
            words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(&piece)));
            piece.clear();
        }
        piece.push(character);
    }
    words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(&piece)));
    words.join(" ")
}

/// `Content-Encoding` without `aws-chunked`, which describes the request, not the object.
pub(crate) fn content_encoding(value: &str) -> Option<String> {
    let kept: Vec<&str> = value
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were_sent() {
        let check = |sent: &[u8], answer: &[u8]| {
            let value = HeaderValue::from_bytes(sent).expect("a value");
            let text = kept(&value, false);
            assert_eq!(answered(&text).expect("a value").as_bytes(), answer, "{sent:?}");
        };
        check(b"plain", b"plain");
        check(b"", b"");
        check(b"=?UTF-8?B?w6k=?=", b"=?UTF-8?B?w6k=?=");
        check(b"Hello World\xe9", b"Hello World\xe9");
        check("é".as_bytes(), b"=?UTF-8?B?w6k=?=");
        check("日本".as_bytes(), b"=?UTF-8?B?5pel5pys?=");
    }

    #[test]
    fn the_gate_marks_what_it_turned() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes("é".as_bytes()).expect("a value");
        headers.insert("x-amz-meta-a", value.clone());
        headers.insert("x-amz-meta-b", value);
        let latin = LatinHeaders(vec![http::HeaderName::from_static("x-amz-meta-a")]);
        let metadata = user_metadata(&headers, Some(&latin)).expect("metadata");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(metadata, [pair("a", "é"), pair("b", "=?UTF-8?B?w6k=?=")]);
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let text = "é".repeat(100);
        let words = encoded_words(&text);
        assert!(words.split(' ').all(|word| word.len() <= 75), "{words}");
        let decoded: Vec<u8> = words
            .split(' ')
            .flat_map(|word| {
                let word = word.trim_start_matches("=?UTF-8?B?").trim_end_matches("?=");
                STANDARD.decode(word).expect("base64")
            })
            .collect();
        assert_eq!(decoded, text.as_bytes());
    }

    #[test]
    fn aws_chunked_is_no_coding_of_the_object() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(content_encoding(value).as_deref(), expected, "{value:?}");
        };
        check("gzip", Some("gzip"));
        check("deflate, gzip", Some("deflate, gzip"));
        check("gzip, aws-chunked", Some("gzip"));
        check("aws-chunked, gzip", Some("gzip"));
        check("aws-chunked", None);
        check("aws-chunked, aws-chunked", None);
        check("", None);
    }

    #[test]
    fn too_much_metadata_is_refused() {
        let mut headers = HeaderMap::new();
        let value = "x".repeat(METADATA_BYTES_MAX);
        headers.insert("x-amz-meta-a", HeaderValue::from_str(&value).expect("a value"));
        assert!(user_metadata(&headers, None).is_err());
    }
}
