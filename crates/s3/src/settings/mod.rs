//! What is configured on a bucket, one kind per file.
//!
//! Most kinds are kept as the XML document that S3 defines for them: it was
//! checked when it was stored, any S3 client can read it, and nothing of our own
//! needs a version.

use bytes::Bytes;
use catalog::{SettingKind, Tenant};
use http::Extensions;
use s3s::dto::Owner;
use s3s::xml::{Deserialize, Deserializer, Serialize, Serializer};
use s3s::{S3Result, s3_error};

use crate::Face;
use crate::error::failed;
use crate::gate::{self, Bucket};

pub(crate) mod acl;
pub(crate) mod cors;
pub(crate) mod encryption;
pub(crate) mod lifecycle;
pub(crate) mod object_lock;
pub(crate) mod ownership;
pub(crate) mod policy;
pub(crate) mod public_access_block;
pub(crate) mod tagging;
pub(crate) mod unserved;
pub(crate) mod versioning;
pub(crate) mod website;

/// An account, as documents show it.
pub(crate) fn owner_of(tenant: &Tenant) -> Owner {
    Owner { display_name: Some(tenant.name.as_str().to_owned()), id: Some(tenant.id.to_string()) }
}

/// The bytes of a document.
pub(crate) fn to_bytes<T: Serialize>(document: &T) -> S3Result<Bytes> {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = Serializer::new(&mut bytes);
    document.serialize(&mut serializer).map_err(|_| s3_error!(InternalError))?;
    Ok(bytes.into())
}

/// The document of bytes that were stored.
pub(crate) fn from_bytes<T>(bytes: &[u8]) -> S3Result<T>
where
    T: for<'xml> Deserialize<'xml>,
{
    let mut deserializer = Deserializer::new(bytes);
    T::deserialize(&mut deserializer).map_err(|error| {
        tracing::error!(?error, "a stored bucket setting cannot be read");
        s3_error!(InternalError)
    })
}

/// The document of this kind, if the bucket has one.
pub(crate) fn stored<T>(bucket: &Bucket, kind: SettingKind) -> S3Result<Option<T>>
where
    T: for<'xml> Deserialize<'xml>,
{
    bucket.facts.setting(kind).map(|bytes| from_bytes(bytes)).transpose()
}

/// Stores a setting of the request's bucket, or removes it with `None`.
pub(crate) async fn store(
    face: &Face,
    extensions: &Extensions,
    kind: SettingKind,
    bytes: Option<Bytes>,
) -> S3Result {
    let authorised = gate::authorised(extensions)?;
    let bucket = gate::bucket(extensions)?;
    face.objects.bucket_setting_set(authorised, bucket.name(), kind, bytes).await.map_err(failed)
}
