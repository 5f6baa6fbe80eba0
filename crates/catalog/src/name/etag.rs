//! Entity tags, kept as digests and shown as S3 shows them, without quotes.
//!
//! Nearly every tag is an MD5 or "MD5-of-MD5s dash count"; storing the 16 bytes
//! halves the row and makes comparing cheap.

use core::fmt;

use serde::{Deserialize, Serialize};
use units::hash::Md5;

/// An entity tag.
///
/// Built by [`ETag::parse`] or from its digest; one text has one representation,
/// so `==` compares texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ETag {
    /// The MD5 of the body, 32 lower-case hexadecimal digits.
    Md5(Md5),
    /// The MD5 of the parts' MD5s, a dash, and how many parts.
    Multipart {
        /// The digest of digests.
        digest: Md5,
        /// How many parts.
        parts: u16,
    },
    /// Any other text, as a client may send it in a condition.
    Opaque(String),
}

impl ETag {
    /// Reads a tag; quotes around it are dropped. Never fails: what has no
    /// known form is kept as it is and simply matches nothing.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let text = text.strip_prefix('"').unwrap_or(text);
        let text = text.strip_suffix('"').unwrap_or(text);
        if let Some(digest) = parse_hex(text) {
            return Self::Md5(Md5(digest));
        }
        if let Some((digest, parts)) = text.split_once('-')
            && let Some(digest) = parse_hex(digest)
            && let Ok(count) = parts.parse::<u16>()
            && count.to_string() == parts
        {
            return Self::Multipart { digest: Md5(digest), parts: count };
        }
        Self::Opaque(text.to_owned())
    }
}

/// The digits at once: a listing writes a thousand of them.
fn write_hex(f: &mut fmt::Formatter<'_>, Md5(bytes): &Md5) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'0'; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    f.write_str(core::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 32 || !text.bytes().all(digits) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(digest) => write_hex(f, digest),
            Self::Multipart { digest, parts } => {
                write_hex(f, digest)?;
                write!(f, "-{parts}")
            }
            Self::Opaque(text) => f.write_str(text),
        }
    }
}

impl From<Md5> for ETag {
    fn from(digest: Md5) -> Self {
        Self::Md5(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in [
            "d41d8cd98f00b204e9800998ecf8427e",
            "b2add96cc9702bbf4efb0ccdfc6b7747-3",
            "D41D8CD98F00B204E9800998ECF8427E",
            "badetag",
            "",
            "b2add96cc9702bbf4efb0ccdfc6b7747-03",
        ] {
            assert_eq!(ETag::parse(text).to_string(), text);
            assert_eq!(ETag::parse(&format!("\"{text}\"")), ETag::parse(text));
        }
        assert!(matches!(ETag::parse("d41d8cd98f00b204e9800998ecf8427e"), ETag::Md5(_)));
        assert!(matches!(
            ETag::parse("b2add96cc9702bbf4efb0ccdfc6b7747-3"),
            ETag::Multipart { parts: 3, .. }
        ));
    }
}
