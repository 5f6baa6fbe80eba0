//! How a client wants its bytes sealed. At rest everything always is.

use core::fmt;

use zeroize::Zeroizing;

/// What a write asks for.
#[derive(Clone, Debug, Default)]
pub enum EncryptionAsk {
    /// Nothing said, and the bucket has no default (the face has looked).
    #[default]
    Unasked,
    /// SSE-S3: `x-amz-server-side-encryption: AES256`.
    SiteManaged,
    /// SSE-KMS: `aws:kms`, with the name of a tenant key, or the tenant's first key.
    TenantKey {
        /// `x-amz-server-side-encryption-aws-kms-key-id`.
        name: Option<String>,
        /// `x-amz-server-side-encryption-context`, as it was sent.
        context: Option<String>,
        /// `x-amz-server-side-encryption-bucket-key-enabled`.
        bucket_key: bool,
    },
    /// SSE-C: the client brings the key with every request.
    Customer(CustomerKey),
}

/// A key the client brings (SSE-C); never stored, wiped on drop.
#[derive(Clone)]
pub struct CustomerKey {
    key: Zeroizing<[u8; 32]>,
    md5: [u8; 16],
}

impl CustomerKey {
    /// A key and the MD5 of it that the client sent; `None` if they do not match.
    pub fn new(key: Zeroizing<[u8; 32]>, md5: [u8; 16]) -> Option<Self> {
        use md5::Digest;
        let actual: [u8; 16] = md5::Md5::digest(key.as_slice()).into();
        (actual == md5).then_some(Self { key, md5 })
    }

    /// The 256-bit key.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// MD5 of the key, as clients send it and answers repeat it.
    pub fn md5(&self) -> [u8; 16] {
        self.md5
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(…)")
    }
}
