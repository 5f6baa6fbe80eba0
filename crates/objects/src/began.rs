//! Which verbs began before a change: so that a key is retired only when nobody
//! is on the way with what it wrapped.
//!
//! Each verb holds a [`Began`] from before it looks into the catalog until it has
//! ended. [`Verbs::earlier_ended`] waits for all that had begun when it was
//! called, however many begin meanwhile: there are two counters, and verbs count
//! in the one that is current; a wait turns to the other and waits for the first
//! to empty (as sleepable read-copy-update does, McKenney 2006).
//!
//! **Invariant**: a verb that begins after [`Verbs::earlier_ended`] was called
//! either sees the catalog as of that call or later, or is waited for.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

/// How often the counter is looked at; nothing hurries.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Counts the verbs under way.
#[derive(Debug, Default)]
pub(crate) struct Verbs {
    side: AtomicUsize,
    running: [AtomicUsize; 2],
    waiting: tokio::sync::Mutex<()>,
}

/// One verb under way; it has ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Began {
    verbs: Arc<Verbs>,
    side: usize,
}

impl Verbs {
    /// A verb begins.
    pub(crate) fn begin(self: &Arc<Self>) -> Began {
        loop {
            let side = self.side.load(Ordering::SeqCst) % 2;
            self.count(side).fetch_add(1, Ordering::SeqCst);
            if self.side.load(Ordering::SeqCst) % 2 == side {
                return Began { verbs: Arc::clone(self), side };
            }
            // The side was turned in between: counted on the wrong one.
            self.count(side).fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Waits until every verb has ended that had begun before this call.
    // Cancel-safety: a wait that was given up leaves a side that empties by
    // itself; the next wait begins with waiting for that.
    pub(crate) async fn earlier_ended(&self) {
        let _one = self.waiting.lock().await;
        let other = (self.side.load(Ordering::SeqCst) + 1) % 2;
        self.empty(other).await;
        let before = self.side.fetch_add(1, Ordering::SeqCst) % 2;
        self.empty(before).await;
    }

    /// How many are under way.
    pub(crate) fn running(&self) -> usize {
        self.count(0).load(Ordering::SeqCst) + self.count(1).load(Ordering::SeqCst)
    }

    async fn empty(&self, side: usize) {
        while self.count(side).load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn count(&self, side: usize) -> &AtomicUsize {
        let [even, odd] = &self.running;
        if side == 0 { even } else { odd }
    }
}

impl Clone for Began {
    fn clone(&self) -> Self {
        self.verbs.count(self.side).fetch_add(1, Ordering::SeqCst);
        Self { verbs: Arc::clone(&self.verbs), side: self.side }
    }
}

impl Drop for Began {
    fn drop(&mut self) {
        self.verbs.count(self.side).fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_earlier_verbs_are_waited_for() {
        let verbs = Arc::new(Verbs::default());
        let (first, copy) = (verbs.begin(), verbs.begin());
        let copied = copy.clone();
        drop(copy);
        let waiting = {
            let verbs = Arc::clone(&verbs);
            tokio::spawn(async move { verbs.earlier_ended().await })
        };
        tokio::time::sleep(LOOK_EVERY * 2).await;
        let later = verbs.begin();
        assert!(!waiting.is_finished());
        drop(first);
        tokio::time::sleep(LOOK_EVERY * 3).await;
        assert!(!waiting.is_finished(), "a copy is under way");
        drop(copied);
        waiting.await.unwrap();
        assert_eq!(verbs.running(), 1);
        // A wait that is given up does not let the next one pass too early.
        let given_up = tokio::time::timeout(LOOK_EVERY, verbs.earlier_ended()).await;
        assert!(given_up.is_err());
        let again = tokio::time::timeout(LOOK_EVERY * 3, verbs.earlier_ended()).await;
        assert!(again.is_err(), "the verb that the first wait was for is still under way");
        drop(later);
        verbs.earlier_ended().await;
    }
}
