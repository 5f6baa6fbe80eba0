//! The public-access block: four switches that stand above policies and grants.

/// The four switches (S3 User Guide, "Blocking public access").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the standard's four switches")]
pub struct PublicAccessBlock {
    /// Refuse to store access control lists that grant to everybody.
    pub block_public_acls: bool,
    /// Do not count grants to everybody.
    pub ignore_public_acls: bool,
    /// Refuse to store policies that are public.
    pub block_public_policy: bool,
    /// Let a public policy serve only the owner's account.
    pub restrict_public_buckets: bool,
}
