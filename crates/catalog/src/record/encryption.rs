//! What the client was promised about encryption at rest.
//!
//! Everything is sealed in any case; this record is what the answers' headers
//! say, and for customer keys what a reader must bring.

use serde::{Deserialize, Serialize};
use units::hash::Md5;

use crate::name::NamedKeyName;

/// Encryption as the client asked for it, or as the bucket's default has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// Nothing was asked: sealed all the same; answered as SSE-S3.
    #[default]
    Unasked,
    /// SSE-S3 (`AES256`).
    Managed,
    /// SSE-KMS (`aws:kms`) without a key of its own: the part keys are wrapped under
    /// the bucket key alone, which the tenant key wraps.
    Kms {
        /// What the answers call the key.
        key: String,
        /// The context, as the client sent it (base64 of JSON).
        context: Option<String>,
        /// Whether bucket keys were asked for.
        bucket_key: bool,
    },
    /// SSE-C: the part keys are wrapped under the customer's key besides.
    Customer {
        /// MD5 of the customer's key: tells a wrong key from a right one.
        key_md5: Md5,
    },
    /// SSE-KMS (`aws:kms`): the part keys are wrapped under a named key besides.
    Named {
        /// The key's name, in the bucket's tenant.
        key: NamedKeyName,
        /// The context, as the client sent it (base64 of JSON).
        context: Option<String>,
        /// Whether bucket keys were asked for.
        bucket_key: bool,
    },
}
