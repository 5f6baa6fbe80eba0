//! The gateway: what the faces hold, and what it stands on.

use std::sync::Arc;

use units::{Clock, Random, SiteId};

/// The path of objects, in and out; cheap to clone.
///
/// Every verb is a method, grouped by family under `verbs`.
#[derive(Clone)]
pub struct Objects {
    pub(crate) inner: Arc<Inner>,
}

/// What [`Objects`] is made of.
pub struct Parts {
    /// The site's disks.
    pub fragments: fragments::FragmentStore,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// This site, recorded with what it writes.
    pub site: SiteId,
}

pub(crate) struct Inner {
    pub(crate) parts: Parts,
}

impl Objects {
    /// A gateway over these parts. Nothing is read or written yet.
    pub fn new(parts: Parts) -> Self {
        Self { inner: Arc::new(Inner { parts }) }
    }
}
