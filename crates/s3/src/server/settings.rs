//! What the server must be told.

use core::fmt;
use core::num::NonZeroUsize;

use access::Rates;
use catalog::Ownership;
use units::NodeId;

use crate::limits;

/// The region name that clients sign for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// A region of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A DNS domain under which buckets are names of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// This domain, without a leading dot.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into().trim_matches('.').to_ascii_lowercase())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How much is served at once, and to whom not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections in all; further ones make a stranger go, or wait to be accepted.
    pub connections: NonZeroUsize,
    /// Connections from one address; further ones are told to come back.
    pub connections_per_address: NonZeroUsize,
    /// Requests that are worked on at once; further ones wait, tenant by tenant.
    pub requests_at_once: NonZeroUsize,
    /// The same while several tenants ask; no more than of one alone.
    pub requests_at_once_shared: NonZeroUsize,
    /// Wrong signatures after which an address is shut out for a while; 0: never.
    pub wrong_signatures: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        let some = |count| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            connections: some(limits::CONNECTIONS_MAX),
            connections_per_address: some(limits::CONNECTIONS_PER_ADDRESS_MAX),
            requests_at_once: some(limits::TURNS_PER_CORE * cores.max(2)),
            requests_at_once_shared: some(limits::TURNS_PER_CORE_SHARED * cores.max(2)),
            wrong_signatures: access::limits::BAN_FAILURES,
        }
    }
}

/// What the server must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region that signatures must be made for.
    pub region: Region,
    /// Buckets are reached as hosts under this domain, beside by path.
    pub base_domain: Option<Domain>,
    /// Static websites of buckets are served under this domain.
    pub website_domain: Option<Domain>,
    /// Who owns what others write, in buckets made without a word of it.
    pub default_ownership: Ownership,
    /// Whether clients may bring keys of their own (SSE-C) to buckets that do not say.
    pub default_customer_keys: bool,
    /// How fast keys, tenants and addresses may ask.
    pub rates: Rates,
    /// How much is served at once.
    pub bounds: Bounds,
    /// This node, shown as `x-amz-id-2`.
    pub node: NodeId,
}
