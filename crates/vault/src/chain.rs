//! How a part key is reached from the root: what to open on the way, and which
//! names each step is bound to.

use seal::{CustomerKey, KeyUse};
use units::{BucketId, PartId, ReferenceId, TenantId};

/// From the root to a bucket key, with both wrapped keys as the catalog stores them.
#[derive(Clone, Copy, Debug)]
pub struct BucketChain<'a> {
    /// The tenant that owns the bucket.
    pub tenant: TenantId,
    /// Its wrapped key.
    pub tenant_key: &'a [u8],
    /// The bucket.
    pub bucket: BucketId,
    /// Its wrapped key.
    pub bucket_key: &'a [u8],
}

/// Who else must agree before a part key opens.
#[derive(Clone, Copy, Debug, Default)]
pub enum Keeper<'a> {
    /// Nobody: the bucket key alone (no header, or SSE-S3).
    #[default]
    Bucket,
    /// A named key of the tenant besides (SSE-KMS).
    Named {
        /// Its name.
        name: &'a str,
        /// It, wrapped.
        key: &'a [u8],
    },
    /// The client's key besides (SSE-C).
    Customer(&'a CustomerKey),
}

/// One use of one part by one object version: where a part key is wrapped for.
#[derive(Clone, Copy, Debug)]
pub struct PartAt<'a> {
    /// The way down to the bucket.
    pub chain: BucketChain<'a>,
    /// Who else must agree.
    pub keeper: Keeper<'a>,
    /// The object's key.
    pub object_key: &'a str,
    /// The use, drawn with the version (for multipart it is the upload's id).
    pub reference: ReferenceId,
    /// The part, or the id drawn for an inline row.
    pub part: PartId,
}

impl<'a> PartAt<'a> {
    /// The names that the wrapping is bound to.
    pub(crate) const fn names(&self) -> KeyUse<'a> {
        KeyUse {
            tenant: self.chain.tenant,
            bucket: self.chain.bucket,
            object_key: self.object_key,
            reference: self.reference,
            part: self.part,
        }
    }
}
