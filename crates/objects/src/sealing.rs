//! How one version is sealed: what the client asked, what is recorded, and who
//! must agree before its part keys open.
//!
//! With a customer key (SSE-C) the record holds the MD5 of it that S3 shows anyway,
//! so that a wrong key is told from a right one before anything is opened. A named key
//! (SSE-KMS) is recorded and answered by name, and the part keys are wrapped under it
//! besides the bucket key. It is looked for in the bucket's tenant.

use catalog::{Encryption, NamedKey, NamedKeyName};
use units::hash::Md5;
use vault::Keeper;

use crate::seen::Seen;
use crate::{CustomerKey, EncryptionAsk, ObjectError};

/// The sealing of one version or upload.
pub(crate) struct Sealing {
    pub(crate) record: Encryption,
    beside: Beside,
}

/// Who has a say besides the bucket key.
enum Beside {
    Nobody,
    Named(NamedKey),
    Customer(seal::CustomerKey),
}

impl Sealing {
    /// For a new version.
    pub(crate) fn of_ask(seen: &Seen, ask: EncryptionAsk) -> Result<Self, ObjectError> {
        let plain = |record| Self { record, beside: Beside::Nobody };
        Ok(match ask {
            EncryptionAsk::Unasked => plain(Encryption::Unasked),
            EncryptionAsk::SiteManaged => plain(Encryption::Managed),
            EncryptionAsk::TenantKey { name: None, context, bucket_key } => {
                let key = DEFAULT_KEY_NAME.to_owned();
                plain(Encryption::Kms { key, context, bucket_key })
            }
            EncryptionAsk::TenantKey { name: Some(name), context, bucket_key } => {
                let key = named_key(seen, &name)?;
                let record = Encryption::Named { key: key.name.clone(), context, bucket_key };
                Self { record, beside: Beside::Named(key) }
            }
            EncryptionAsk::Customer(key) => {
                let record = Encryption::Customer { key_md5: Md5(key.md5()) };
                let beside = Beside::Customer(seal::CustomerKey::from_client(*key.key()));
                Self { record, beside }
            }
        })
    }

    /// For something that is there already; checks the key the client brings.
    pub(crate) fn of_record(
        seen: &Seen,
        record: &Encryption,
        key: Option<&CustomerKey>,
    ) -> Result<Self, ObjectError> {
        let beside = match (record, key) {
            (Encryption::Customer { .. }, None) => return Err(ObjectError::CustomerKeyRequired),
            (Encryption::Customer { key_md5 }, Some(key)) => {
                if key.md5() != key_md5.0 {
                    return Err(ObjectError::CustomerKeyMismatch);
                }
                Beside::Customer(seal::CustomerKey::from_client(*key.key()))
            }
            (_, Some(_)) => {
                let reason = "the object is not sealed with a customer key";
                return Err(ObjectError::CustomerKeyInvalid { reason });
            }
            (Encryption::Named { key, .. }, None) => Beside::Named(named_key(seen, key.as_str())?),
            (Encryption::Unasked | Encryption::Managed | Encryption::Kms { .. }, None) => {
                Beside::Nobody
            }
        };
        Ok(Self { record: record.clone(), beside })
    }

    /// Who must agree before a part key opens.
    pub(crate) fn keeper(&self) -> Keeper<'_> {
        match &self.beside {
            Beside::Nobody => Keeper::Bucket,
            Beside::Named(key) => {
                Keeper::Named { name: key.name.as_str(), key: key.wrapped_key.as_slice() }
            }
            Beside::Customer(key) => Keeper::Customer(key),
        }
    }
}

/// The key of the bucket's tenant that a client means: by its name, or by a resource
/// name that ends in `:key/` and the name.
fn named_key(seen: &Seen, asked: &str) -> Result<NamedKey, ObjectError> {
    let unavailable = || ObjectError::TenantKeyUnavailable { name: asked.to_owned() };
    let name = match asked.strip_prefix("arn:") {
        Some(rest) => rest.rsplit_once(":key/").map(|(_, name)| name).ok_or_else(unavailable)?,
        None => asked,
    };
    let name = NamedKeyName::new(name).map_err(|_| unavailable())?;
    seen.view.named_key(seen.tenant.id, &name)?.ok_or_else(unavailable)
}

/// What the key is called where a bucket's default asks for SSE-KMS without naming one:
/// the bucket key, under the tenant's.
const DEFAULT_KEY_NAME: &str = "tenant-key";
