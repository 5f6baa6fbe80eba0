//! Names that a wrapping is bound to: the associated data of each level.
//!
//! ```text
//! domain bytes ‖ 0x00 ‖ field* ; field = length (u32 LE) ‖ bytes
//! ```
//! Lengths come first, so two different lists of names never give equal bytes;
//! domains differ, so a value of one level never opens at another.

use units::{BucketId, PartId, ReferenceId, TenantId};

/// Names that go into the associated data.
pub trait Binding {
    /// What the binding is for; no two bindings share it.
    const DOMAIN: &'static str;

    /// Appends the names, in order, each after its length.
    fn fields(&self, into: &mut Vec<u8>);

    /// The whole associated data.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(Self::DOMAIN.as_bytes());
        bytes.push(0);
        self.fields(&mut bytes);
        bytes
    }
}

/// Appends one length-prefixed name.
fn field(into: &mut Vec<u8>, name: &[u8]) {
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(name);
}

/// What a root key in its file is bound to.
#[derive(Clone, Copy, Debug)]
pub struct RootNames {
    /// The vault the file belongs to, drawn when it was created.
    pub vault: [u8; 16],
}

impl Binding for RootNames {
    const DOMAIN: &'static str = "essaim root key";

    fn fields(&self, into: &mut Vec<u8>) {
        field(into, &self.vault);
    }
}

/// What a tenant key is bound to.
#[derive(Clone, Copy, Debug)]
pub struct TenantNames {
    /// The tenant.
    pub tenant: TenantId,
}

impl Binding for TenantNames {
    const DOMAIN: &'static str = "essaim tenant key";

    fn fields(&self, into: &mut Vec<u8>) {
        field(into, &self.tenant.to_bytes());
    }
}

/// What a bucket key is bound to.
#[derive(Clone, Copy, Debug)]
pub struct BucketNames {
    /// The tenant.
    pub tenant: TenantId,
    /// The bucket.
    pub bucket: BucketId,
}

impl Binding for BucketNames {
    const DOMAIN: &'static str = "essaim bucket key";

    fn fields(&self, into: &mut Vec<u8>) {
        field(into, &self.tenant.to_bytes());
        field(into, &self.bucket.to_bytes());
    }
}

/// What a tenant's named key is bound to.
#[derive(Clone, Copy, Debug)]
pub struct NamedKeyNames<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The key's name.
    pub name: &'a str,
}

impl Binding for NamedKeyNames<'_> {
    const DOMAIN: &'static str = "essaim named key";

    fn fields(&self, into: &mut Vec<u8>) {
        field(into, &self.tenant.to_bytes());
        field(into, self.name.as_bytes());
    }
}

/// What the secret of an access key is bound to.
#[derive(Clone, Copy, Debug)]
pub struct SecretNames<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The access key id.
    pub access_key: &'a str,
}

impl Binding for SecretNames<'_> {
    const DOMAIN: &'static str = "essaim access key secret";

    fn fields(&self, into: &mut Vec<u8>) {
        field(into, &self.tenant.to_bytes());
        field(into, self.access_key.as_bytes());
    }
}

/// What a part key is bound to: one use of a part (or of an inline row) by one
/// object version. A copy shares the part and wraps its key again for its own use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse<'a> {
    /// The tenant that owns the bucket.
    pub tenant: TenantId,
    /// The bucket.
    pub bucket: BucketId,
    /// The object's key.
    pub object_key: &'a str,
    /// The use, drawn by whoever proposed the version.
    pub reference: ReferenceId,
    /// The part, or the id drawn for an inline row.
    pub part: PartId,
}

impl Binding for KeyUse<'_> {
    const DOMAIN: &'static str = "essaim part key";

    fn fields(&self, into: &mut Vec<u8>) {
        field(into, &self.tenant.to_bytes());
        field(into, &self.bucket.to_bytes());
        field(into, self.object_key.as_bytes());
        field(into, &self.reference.to_bytes());
        field(into, &self.part.to_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_run_into_each_other() {
        let tenant = TenantId::from_u128(1);
        let secret = |access_key| SecretNames { tenant, access_key }.encode();
        assert_ne!(secret("ab"), secret("a"));
        let named = NamedKeyNames { tenant, name: "ab" }.encode();
        assert_ne!(named, secret("ab"));
    }
}
