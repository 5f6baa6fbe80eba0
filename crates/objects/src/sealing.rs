//! How one version is sealed: what the client asked, what is recorded, and who
//! must agree before its part keys open.
//!
//! With a customer key (SSE-C) the record holds the MD5 of it that S3 shows anyway,
//! so that a wrong key is told from a right one before anything is opened. A named key
//! (SSE-KMS) is recorded and answered by name; the part keys are kept by the
//! bucket key like all others.

use catalog::Encryption;
use units::hash::Md5;
use vault::Keeper;

use crate::{CustomerKey, EncryptionAsk, ObjectError};

/// The sealing of one version or upload.
pub(crate) struct Sealing {
    pub(crate) record: Encryption,
    customer: Option<seal::CustomerKey>,
}

impl Sealing {
    /// For a new version.
    pub(crate) fn of_ask(ask: EncryptionAsk) -> Self {
        let plain = |record| Self { record, customer: None };
        match ask {
            EncryptionAsk::Unasked => plain(Encryption::Unasked),
            EncryptionAsk::SiteManaged => plain(Encryption::Managed),
            EncryptionAsk::TenantKey { name, context, bucket_key } => plain(Encryption::Kms {
                key: name.unwrap_or_else(|| DEFAULT_KEY_NAME.to_owned()),
                context,
                bucket_key,
            }),
            EncryptionAsk::Customer(key) => {
                let record = Encryption::Customer { key_md5: Md5(key.md5()) };
                Self { record, customer: Some(seal::CustomerKey::from_client(*key.key())) }
            }
        }
    }

    /// For something that is there already; checks the key the client brings.
    pub(crate) fn of_record(
        record: &Encryption,
        key: Option<&CustomerKey>,
    ) -> Result<Self, ObjectError> {
        let customer = match (record, key) {
            (Encryption::Customer { .. }, None) => return Err(ObjectError::CustomerKeyRequired),
            (Encryption::Customer { key_md5 }, Some(key)) => {
                if key.md5() != key_md5.0 {
                    return Err(ObjectError::CustomerKeyMismatch);
                }
                Some(seal::CustomerKey::from_client(*key.key()))
            }
            (_, Some(_)) => {
                let reason = "the object is not sealed with a customer key";
                return Err(ObjectError::CustomerKeyInvalid { reason });
            }
            (_, None) => None,
        };
        Ok(Self { record: record.clone(), customer })
    }

    /// Who must agree before a part key opens.
    pub(crate) fn keeper(&self) -> Keeper<'_> {
        self.customer.as_ref().map_or(Keeper::Bucket, Keeper::Customer)
    }
}

/// The key's name where a client asks for SSE-KMS without naming one.
const DEFAULT_KEY_NAME: &str = "tenant-key";
