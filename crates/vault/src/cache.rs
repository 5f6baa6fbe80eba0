//! Unwrapped tenant and bucket keys, kept while they are used.
//!
//! **Invariants**
//! - A key is found only by exactly the wrapped bytes *and* the names that it was
//!   unwrapped with, so a row that was swapped never profits from it.
//! - Never more than [`CACHED_KEYS_MAX`] keys of a kind; the oldest goes first
//!   and is wiped as it goes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use seal::{BucketKey, NamedKey, TenantKey, WrappedKey};
use units::{BucketId, TenantId};

use crate::limits::CACHED_KEYS_MAX;

/// What a cached key was unwrapped from and for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub tenant: TenantId,
    pub bucket: Option<BucketId>,
    pub name: Option<String>,
    pub wrapped: WrappedKey,
}

struct Shelf<K> {
    keys: HashMap<Origin, Arc<K>>,
    order: VecDeque<Origin>,
}

impl<K> Shelf<K> {
    fn new() -> Self {
        Self { keys: HashMap::new(), order: VecDeque::new() }
    }

    fn insert(&mut self, origin: Origin, key: Arc<K>) {
        if self.keys.insert(origin.clone(), key).is_none() {
            self.order.push_back(origin);
        }
        while self.order.len() > CACHED_KEYS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.keys.remove(&oldest);
            }
        }
    }

    fn forget(&mut self, which: impl Fn(&Origin) -> bool) {
        self.keys.retain(|origin, _| !which(origin));
        self.order.retain(|origin| !which(origin));
    }
}

/// One shelf per kind of key.
pub(crate) struct Cache {
    tenants: RwLock<Shelf<TenantKey>>,
    buckets: RwLock<Shelf<BucketKey>>,
    named: RwLock<Shelf<NamedKey>>,
}

/// A kind of key that is cached.
pub(crate) trait Cached: Sized {
    /// The key unwrapped from exactly this origin, if it is still there.
    fn find(cache: &Cache, origin: &Origin) -> Option<Arc<Self>>;
    /// Keeps a key.
    fn keep(cache: &Cache, origin: Origin, key: Arc<Self>);
}

macro_rules! cached {
    ($($kind:ident: $shelf:ident),*) => {$(
        impl Cached for $kind {
            fn find(cache: &Cache, origin: &Origin) -> Option<Arc<Self>> {
                cache.$shelf.read().keys.get(origin).cloned()
            }

            fn keep(cache: &Cache, origin: Origin, key: Arc<Self>) {
                cache.$shelf.write().insert(origin, key);
            }
        }
    )*};
}

cached!(TenantKey: tenants, BucketKey: buckets, NamedKey: named);

impl Cache {
    pub fn new() -> Self {
        Self {
            tenants: RwLock::new(Shelf::new()),
            buckets: RwLock::new(Shelf::new()),
            named: RwLock::new(Shelf::new()),
        }
    }

    /// Forgets the keys of these origins.
    pub fn forget(&self, which: impl Fn(&Origin) -> bool) {
        self.tenants.write().forget(&which);
        self.buckets.write().forget(&which);
        self.named.write().forget(&which);
    }

    /// How many keys are kept.
    pub fn count(&self) -> usize {
        self.tenants.read().keys.len()
            + self.buckets.read().keys.len()
            + self.named.read().keys.len()
    }
}
