//! Names and small values of the catalog's vocabulary, one type each.
//!
//! Constructors check; decoding does not check again, because what is decoded
//! was checked when it was written and nothing here is used as a path or index.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use units::limits::OBJECT_KEY_BYTES_MAX;

use crate::limits::{EMAIL_BYTES_MAX, NAME_BYTES_MAX, NODE_ADDRESS_BYTES_MAX};

mod etag;
mod sealed_bytes;
mod statement_bytes;
mod version;

pub use etag::ETag;
pub use sealed_bytes::SealedBytes;
pub use statement_bytes::StatementBytes;
pub use version::{VersionAsk, VersionId, VersionName};

/// Text that is not a valid name of its kind.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing there.
    #[error("the name is empty")]
    Empty,
    /// Longer than its limit in bytes.
    #[error("the name is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// Not of the form that this kind of name has.
    #[error("the name has a character or a form that is not allowed")]
    Malformed,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $check:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a text.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// The name of a bucket: 3 to 63 characters, as S3 has them (and, for buckets
    /// made by old clients, nothing else).
    BucketName, check_bucket_name;
    /// The key of an object: 1 to 1,024 bytes of UTF-8.
    ObjectKey, check_object_key;
    /// The name of a tenant.
    TenantName, check_plain_name;
    /// The name of a user, unique in its tenant.
    UserName, check_plain_name;
    /// The public half of an access key.
    AccessKeyId, check_plain_name;
    /// The name of a named key, unique in its tenant.
    NamedKeyName, check_plain_name;
    /// An e-mail address that a tenant is found by, in lower case.
    EmailAddress, check_email;
    /// The name of a background job.
    JobName, check_plain_name;
    /// The name of a site, unique in its cluster.
    SiteName, check_line;
    /// Where a node is reached: `host:port`, an IPv6 address in brackets.
    NodeAddress, check_node_address;
}

macro_rules! stored_names {
    ($($name:ident),*) => {$(
        impl $name {
            /// Wraps a text that was checked when it was stored.
            pub(crate) const fn stored(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

stored_names!(BucketName, ObjectKey, AccessKeyId, JobName);

fn check_length(text: &str, max: usize) -> Result<(), NameError> {
    match text.len() {
        0 => Err(NameError::Empty),
        length if length > max => Err(NameError::TooLong { max }),
        _ => Ok(()),
    }
}

fn check_object_key(text: &str) -> Result<(), NameError> {
    check_length(text, OBJECT_KEY_BYTES_MAX)
}

fn check_plain_name(text: &str) -> Result<(), NameError> {
    check_length(text, NAME_BYTES_MAX)?;
    let plain = |c: char| !c.is_control() && c != '/' && c != ':' && c != '*';
    if text.chars().all(plain) && text.trim() == text { Ok(()) } else { Err(NameError::Malformed) }
}

/// One line of text that reads the same wherever it is shown: as `placement` has it.
fn check_line(text: &str) -> Result<(), NameError> {
    check_length(text, NAME_BYTES_MAX)?;
    let is_line = text.trim() == text && !text.chars().any(char::is_control);
    if is_line { Ok(()) } else { Err(NameError::Malformed) }
}

/// An address as forms take it (HTML standard, "valid e-mail address"), in lower
/// case, so that two spellings of one address are never two tenants.
fn check_email(text: &str) -> Result<(), NameError> {
    check_length(text, EMAIL_BYTES_MAX)?;
    let (local, domain) = text.rsplit_once('@').ok_or(NameError::Malformed)?;
    let in_local = |b: u8| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || b".!#$%&'*+/=?^_`{|}~-".contains(&b)
    };
    let label = |label: &str| {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = !local.is_empty() && local.bytes().all(in_local) && domain.split('.').all(label);
    if fits { Ok(()) } else { Err(NameError::Malformed) }
}

/// A host and a port. Whether there is such a host is for whoever calls it to find out.
fn check_node_address(text: &str) -> Result<(), NameError> {
    check_length(text, NODE_ADDRESS_BYTES_MAX)?;
    let (host, port) = text.rsplit_once(':').ok_or(NameError::Malformed)?;
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_';
    let is_host = match host.strip_prefix('[') {
        None => !host.is_empty() && host.bytes().all(inside),
        Some(host) => {
            let address = host.strip_suffix(']').map(str::parse::<core::net::Ipv6Addr>);
            address.is_some_and(|address| address.is_ok())
        }
    };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if is_host && is_port { Ok(()) } else { Err(NameError::Malformed) }
}

/// S3 User Guide, "General purpose buckets naming rules".
fn check_bucket_name(text: &str) -> Result<(), NameError> {
    check_length(text, 63)?;
    let bytes = text.as_bytes();
    let letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = bytes.first().is_some_and(letter) && bytes.last().is_some_and(letter);
    let inside = bytes.iter().all(|b| letter(b) || *b == b'-' || *b == b'.');
    let dots = text.contains("..") || text.contains(".-") || text.contains("-.");
    let address = text.parse::<core::net::Ipv4Addr>().is_ok();
    let reserved = text.starts_with("xn--")
        || text.starts_with("sthree-")
        || text.ends_with("-s3alias")
        || text.ends_with("--ol-s3");
    if bytes.len() < 3 || !ends || !inside || dots || address || reserved {
        return Err(NameError::Malformed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_naming_rules() {
        for good in ["abc", "a-b.c", "0rchestra", "my-bucket-1"] {
            assert!(BucketName::new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in
            ["", "ab", "Abc", "a_b", "-abc", "abc-", ".abc", "a..b", "a.-b", "192.168.5.123", &long]
        {
            assert!(BucketName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn email_addresses_have_one_spelling() {
        for good in ["alt@example.org", "a.b+c@mairie.example-ville.fr", "root@localhost"] {
            assert!(EmailAddress::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "A@b.fr", "a b@c.fr", "a@-b.fr", "a@b..fr", "é@b.fr"] {
            assert!(EmailAddress::new(bad).is_err(), "{bad}");
        }
        let long = format!("{}@example.org", "a".repeat(254));
        assert!(EmailAddress::new(long).is_err());
    }

    #[test]
    fn node_addresses_are_a_host_and_a_port() {
        for good in ["site-b.example:7070", "192.0.2.7:7070", "[2001:db8::7]:7070", "b:0"] {
            assert!(NodeAddress::new(good).is_ok(), "{good}");
        }
        let long = format!("{}:1", "a".repeat(260));
        for bad in
            ["", "b", ":1", "b:", "b:+1", "b:65536", "2001:db8::7", "[b]:1", "[::1", "b c:1", &long]
        {
            assert!(NodeAddress::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn object_keys_are_bounded() {
        assert_eq!(ObjectKey::new(""), Err(NameError::Empty));
        assert!(ObjectKey::new("é".repeat(512)).is_ok());
        assert_eq!(ObjectKey::new("é".repeat(513)), Err(NameError::TooLong { max: 1024 }));
    }
}
