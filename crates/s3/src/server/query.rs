//! The query string, decoded once, strictly.
//!
//! The protocol library treats a key that comes twice as absent, which turns a
//! sub-resource into another verb; here it is refused.

use std::borrow::Cow;

use s3s::{S3Error, s3_error};

use crate::limits::QUERY_KEYS_MAX;

/// The decoded pairs of a query string, each key once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Decodes; refuses duplicates, too many keys, and what is not UTF-8.
    pub(crate) fn parse(raw: Option<&'a str>) -> Result<Self, S3Error> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for piece in raw.unwrap_or_default().split('&').filter(|piece| !piece.is_empty()) {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            let (key, value) = (decode(key)?, decode(value)?);
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(s3_error!(InvalidArgument, "Query parameter given more than once"));
            }
            if pairs.len() == QUERY_KEYS_MAX {
                return Err(s3_error!(InvalidArgument, "Too many query parameters"));
            }
            pairs.push((key, value));
        }
        Ok(Self { pairs })
    }

    /// The value of a key; empty if the key has none.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
    }

    /// Whether the key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// All pairs as they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, S3Error> {
    let spaced: Cow<'_, str> =
        if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    if !spaced.contains('%') {
        return Ok(spaced);
    }
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    match decoded {
        Ok(decoded) => Ok(Cow::Owned(decoded.into_owned())),
        Err(_) => Err(s3_error!(InvalidURI, "Couldn't parse the specified URI.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = Query::parse(Some(raw));
        match (found, expected) {
            (Ok(query), Ok(pairs)) => assert_eq!(query.iter().collect::<Vec<_>>(), pairs, "{raw}"),
            (Err(error), Err(code)) => assert_eq!(error.code().as_str(), code, "{raw}"),
            (found, expected) => panic!("{raw}: found {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn pairs_are_decoded_once() {
        check("", Ok(&[]));
        check("acl", Ok(&[("acl", "")]));
        check("prefix=a%2Fb+c&&x=%252F", Ok(&[("prefix", "a/b c"), ("x", "%2F")]));
    }

    #[test]
    fn a_key_twice_is_refused_however_it_is_written() {
        check("acl&acl", Err("InvalidArgument"));
        check("prefix=a&%70refix=b", Err("InvalidArgument"));
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        check("prefix=%ff", Err("InvalidURI"));
    }
}
