//! Strangers: connections over which no request with a valid signature has come yet.
//!
//! Whoever reaches the port may open them, and what they keep (a head, the fields of a
//! form) is kept before anything is known of them. There are places for a quarter of
//! all connections: one more cuts the stranger that was served longest ago, so that
//! who has no key neither shuts out who has one nor grows the node.
//!
//! **Invariants**
//! - A connection is a stranger from its first byte until a request over it is found to
//!   be signed with a valid signature, and never again.
//! - Only strangers are cut, the one served longest ago first, and none while there are
//!   fewer than [`Strangers::new`] was told.

use core::num::NonZeroUsize;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Connections cut since there were too many of their kind.
const CUT: &str = "essaim_s3_strangers_cut_total";

/// The strangers there are.
#[derive(Clone, Debug)]
pub(crate) struct Strangers {
    line: Arc<Mutex<Line>>,
    most: NonZeroUsize,
}

/// In the order in which they were served last.
#[derive(Debug, Default)]
struct Line {
    next: u64,
    waiting: BTreeMap<u64, CancellationToken>,
}

/// A connection, for what is to be known of whoever is at its other end.
#[derive(Debug)]
pub(crate) struct Acquaintance {
    strangers: Strangers,
    /// Its place in the line; none once it is known.
    place: Mutex<Option<u64>>,
    cut: CancellationToken,
}

impl Strangers {
    /// None yet, and never more than this.
    pub(crate) fn new(most: NonZeroUsize) -> Self {
        Self { line: Arc::default(), most }
    }

    /// A connection more; one too many cuts another.
    pub(crate) fn enter(&self) -> Arc<Acquaintance> {
        let cut = CancellationToken::new();
        let (place, oldest) = {
            let mut line = self.line.lock();
            let oldest = (line.waiting.len() >= self.most.get()).then(|| line.waiting.pop_first());
            (line.append(cut.clone()), oldest.flatten())
        };
        if let Some((_, oldest)) = oldest {
            metrics::counter!(CUT).increment(1);
            oldest.cancel();
        }
        Arc::new(Acquaintance { strangers: self.clone(), place: Mutex::new(Some(place)), cut })
    }

    /// Cuts the stranger that was served longest ago; whether there was one.
    pub(crate) fn cut_one(&self) -> bool {
        let oldest = self.line.lock().waiting.pop_first();
        if let Some((_, oldest)) = &oldest {
            metrics::counter!(CUT).increment(1);
            oldest.cancel();
        }
        oldest.is_some()
    }
}

impl Line {
    fn append(&mut self, cut: CancellationToken) -> u64 {
        let place = self.next;
        self.next += 1;
        self.waiting.insert(place, cut);
        place
    }
}

impl Acquaintance {
    /// A request with a valid signature came over it.
    pub(crate) fn known(&self) {
        let mut own = self.place.lock();
        if let Some(place) = own.take() {
            self.strangers.line.lock().waiting.remove(&place);
        }
    }

    /// It was given something; others have waited longer since.
    pub(crate) fn served(&self) {
        let mut own = self.place.lock();
        let Some(place) = own.as_mut() else { return };
        let mut line = self.strangers.line.lock();
        // Who was cut already stays so.
        if let Some(cut) = line.waiting.remove(place) {
            *place = line.append(cut);
        }
    }

    /// Ends when it is cut.
    pub(crate) async fn until_cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Acquaintance {
    fn drop(&mut self) {
        self.known();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strangers(most: usize) -> Strangers {
        Strangers::new(NonZeroUsize::new(most).unwrap())
    }

    #[test]
    fn the_one_served_longest_ago_makes_room() {
        let strangers = strangers(3);
        let all: Vec<_> = (0..3).map(|_| strangers.enter()).collect();
        all[0].served();
        let more = strangers.enter();
        let cut: Vec<bool> = all.iter().map(|one| one.cut.is_cancelled()).collect();
        assert_eq!(cut, [false, true, false]);
        assert!(!more.cut.is_cancelled());
        all[1].served();
        assert_eq!(strangers.line.lock().waiting.len(), 3, "who was cut does not come back");
    }

    #[test]
    fn who_is_known_is_never_cut() {
        let strangers = strangers(2);
        let known = strangers.enter();
        known.known();
        known.served();
        let others: Vec<_> = (0..9).map(|_| strangers.enter()).collect();
        assert!(!known.cut.is_cancelled());
        assert_eq!(others.iter().filter(|one| one.cut.is_cancelled()).count(), 7);
        drop(others);
        assert!(!strangers.cut_one(), "who has gone is forgotten");
    }
}
