//! Randomness that remembers which keys were drawn from it, so that they can be
//! searched for: keys are draws of 32 bytes.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use units::{Random, SimRandom};

const KEY_BYTES: usize = 32;

/// A seeded generator with a memory for keys.
pub(crate) struct Recorder {
    random: SimRandom,
    keys: Mutex<Vec<[u8; KEY_BYTES]>>,
    panics: AtomicBool,
}

impl Recorder {
    /// The generator of this seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        let (keys, panics) = (Mutex::default(), AtomicBool::new(false));
        Self { random: SimRandom::seeded(seed), keys, panics }
    }

    /// The next draw panics.
    pub(crate) fn panic_next(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// Every draw of 32 bytes so far, in order.
    pub(crate) fn keys(&self) -> Vec<[u8; KEY_BYTES]> {
        self.keys.lock().clone()
    }
}

impl Random for Recorder {
    fn fill(&self, buffer: &mut [u8]) {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "a panic that was asked for");
        self.random.fill(buffer);
        if let Ok(key) = <[u8; KEY_BYTES]>::try_from(&*buffer) {
            self.keys.lock().push(key);
        }
    }
}
