//! Which bucket and key a request names: path style and virtual-host style.
//!
//! Keys are opaque: they are decoded exactly once, and `..`, `//` and what looks
//! like another encoding inside them mean nothing.

use s3s::{S3Error, s3_error};
use units::limits::OBJECT_KEY_BYTES_MAX;

/// What a request is addressed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    /// The bucket, if the request names one.
    pub bucket: Option<String>,
    /// The object key, if the request names one.
    pub key: Option<String>,
    /// The bucket was named by the host.
    pub virtual_host: bool,
}

/// How far into the store an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// No bucket named.
    Service,
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

impl Address {
    /// How far the address reaches.
    pub(crate) fn level(&self) -> Level {
        match (&self.bucket, &self.key) {
            (None, _) => Level::Service,
            (Some(_), None) => Level::Bucket,
            (Some(_), Some(_)) => Level::Object,
        }
    }

    /// Reads the address from the raw path and the host header.
    pub(crate) fn parse(
        path: &str,
        host: &str,
        base_domain: Option<&str>,
    ) -> Result<Self, S3Error> {
        let invalid = || s3_error!(InvalidURI, "Couldn't parse the specified URI.");
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
        let decoded = decoded.map_err(|_| invalid())?;
        let rest = decoded.strip_prefix('/').ok_or_else(invalid)?;
        let address = match base_domain.and_then(|domain| host_bucket(host, domain)) {
            Some(bucket) => Self {
                bucket: Some(bucket.to_owned()),
                key: (!rest.is_empty()).then(|| rest.to_owned()),
                virtual_host: true,
            },
            None => path_style(rest),
        };
        if address.key.as_ref().is_some_and(|key| key.len() > OBJECT_KEY_BYTES_MAX) {
            return Err(s3_error!(KeyTooLongError, "Your key is too long"));
        }
        Ok(address)
    }
}

fn path_style(rest: &str) -> Address {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if bucket.is_empty() && !key.is_empty() {
        // `//key` names no bucket; the empty name is refused further on.
        return Address {
            bucket: Some(String::new()),
            key: Some(key.to_owned()),
            virtual_host: false,
        };
    }
    Address { bucket: some(bucket), key: some(key), virtual_host: false }
}

/// The bucket that a host names under the base domain.
pub(crate) fn host_bucket<'a>(host: &'a str, domain: &str) -> Option<&'a str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let split = name.len().checked_sub(domain.len())?;
    let (front, back) = (name.get(..split)?, name.get(split..)?);
    if !back.eq_ignore_ascii_case(domain) {
        return None;
    }
    front.strip_suffix('.').filter(|bucket| !bucket.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, path: &str, bucket: Option<&str>, key: Option<&str>) {
        let address = Address::parse(path, host, Some("s3.example.org"));
        let address = address.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(address.bucket.as_deref(), bucket, "{host} {path}");
        assert_eq!(address.key.as_deref(), key, "{host} {path}");
    }

    #[test]
    fn paths() {
        check("127.0.0.1:9000", "/", None, None);
        check("localhost", "/b", Some("b"), None);
        check("localhost", "/b/", Some("b"), None);
        check("localhost", "/b/k/", Some("b"), Some("k/"));
        check("localhost", "/b//k", Some("b"), Some("/k"));
        check("localhost", "/b/a/../k", Some("b"), Some("a/../k"));
        check("localhost", "/b/%2e%2e/%2Fk", Some("b"), Some("..//k"));
        check("localhost", "/b/%252F", Some("b"), Some("%2F"));
        check("localhost", "/b/a+b", Some("b"), Some("a+b"));
        check("localhost", "//k", Some(""), Some("k"));
    }

    #[test]
    fn hosts() {
        check("b.s3.example.org", "/", Some("b"), None);
        check("b.s3.example.org:9000", "/k", Some("b"), Some("k"));
        check("a.b.S3.example.org", "/k", Some("a.b"), Some("k"));
        check("s3.example.org", "/b/k", Some("b"), Some("k"));
        check("evils3.example.org", "/b/k", Some("b"), Some("k"));
    }

    #[test]
    fn what_is_not_utf8_or_too_long_is_refused() {
        let code = |path: &str| {
            Address::parse(path, "localhost", None)
                .map_err(|error| error.code().as_str().to_owned())
        };
        assert_eq!(code("/b/%ff"), Err("InvalidURI".to_owned()));
        assert_eq!(code("*"), Err("InvalidURI".to_owned()));
        assert_eq!(code(&format!("/b/{}", "k".repeat(1_025))), Err("KeyTooLongError".to_owned()));
        assert!(code(&format!("/b/{}", "k".repeat(1_024))).is_ok());
    }
}
