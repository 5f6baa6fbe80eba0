//! Administrators and tokens as they are kept.
//!
//! ```text
//! { "format": "essaim-accounts-1",
//!   "administrators": [ { "name", "password": "$argon2id$…" } ],
//!   "tokens": [ { "id", "name", "sha256", "scopes", "created", "expires" } ] }
//! ```
//!
//! Times are microseconds since 1970. Readable on purpose: an operator who lost
//! every password can see who there is.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use units::Timestamp;

use crate::model::Scope;

const FORMAT: &str = "essaim-accounts-1";

/// A record that is not one.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Not JSON, or not of this shape.
    #[error("the accounts record is damaged")]
    Damaged(#[source] serde_json::Error),
    /// Written by a version that knows more.
    #[error("the accounts record has the format {format:?}, this version reads {FORMAT:?}")]
    Format {
        /// What it says it is.
        format: String,
    },
    /// It could not be written down.
    #[error("the accounts record could not be encoded")]
    Encode(#[source] serde_json::Error),
}

/// An administrator.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Administrator {
    pub(super) name: String,
    pub(super) password: String,
}

/// A token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TokenRecord {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(with = "digest_text")]
    pub(super) sha256: [u8; 32],
    pub(super) scopes: Vec<Scope>,
    pub(super) created: Timestamp,
    pub(super) expires: Option<Timestamp>,
}

/// A digest as 64 hexadecimal digits.
mod digest_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(digest))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let mut digest = [0_u8; 32];
        let text = String::deserialize(from)?;
        hex::decode_to_slice(text, &mut digest).map_err(D::Error::custom)?;
        Ok(digest)
    }
}

/// All of them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    format: String,
    pub(super) administrators: Vec<Administrator>,
    pub(super) tokens: Vec<TokenRecord>,
}

impl Record {
    /// Nobody yet.
    pub(super) fn empty() -> Self {
        Self { format: FORMAT.to_owned(), administrators: Vec::new(), tokens: Vec::new() }
    }

    /// Reads what [`Self::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let record: Self = serde_json::from_slice(bytes).map_err(RecordError::Damaged)?;
        if record.format == FORMAT {
            Ok(record)
        } else {
            Err(RecordError::Format { format: record.format })
        }
    }

    /// The bytes to keep.
    pub(super) fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(RecordError::Encode)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, RecordError};

    #[test]
    fn the_first_format_is_read_for_ever() {
        let golden = include_bytes!("../../tests/golden/accounts-1.json");
        let record = Record::decode(golden).unwrap();
        assert_eq!(record.administrators.len(), 1);
        assert_eq!(record.tokens.len(), 1);
        assert_eq!(record.encode().unwrap(), golden);
    }

    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], b"{}", b"\xff", b"[1]"] {
            assert!(matches!(Record::decode(bytes), Err(RecordError::Damaged(_))));
        }
        let newer = br#"{"format":"essaim-accounts-9","administrators":[],"tokens":[]}"#;
        assert!(matches!(Record::decode(newer), Err(RecordError::Format { .. })));
    }
}
