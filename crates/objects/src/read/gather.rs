//! As many fragments of a stripe as it takes, from whoever gives them first.
//!
//! The nearest are asked first, and no more than are needed. One that fails has the next
//! asked in its place; when they take too long all others are asked as well.

use core::time::Duration;

use bytes::Bytes;
use erasure::Code;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};
use units::DiskId;

use super::hedging::Rank;

/// A fragment, and the disks that may have it, in the order they are asked.
pub(crate) struct Holders {
    pub(crate) fragment: u8,
    pub(crate) disks: Vec<DiskId>,
    /// That of the best of them.
    pub(crate) rank: Rank,
    /// How long is waited for it.
    pub(crate) patience: Duration,
}

/// Reads until there are enough fragments to join the stripe; one slot for each.
pub(crate) async fn gather<Read: Future<Output = (u8, Option<Bytes>)>>(
    code: Code,
    mut holders: Vec<Holders>,
    read: impl Fn(Holders) -> Read,
) -> Vec<Option<Bytes>> {
    let mut slots = vec![None; usize::from(code.total())];
    holders.retain(|holders| !holders.disks.is_empty());
    holders.sort_by_key(|holders| holders.rank);
    let wanted = usize::from(code.data());
    let patience = holders.iter().take(wanted).map(|holders| holders.patience).max();
    let mut all_at = Some(Instant::now() + patience.unwrap_or_default());
    let mut rest = holders.into_iter();
    let mut asked: FuturesUnordered<Read> = rest.by_ref().take(wanted).map(&read).collect();
    let mut have = 0;
    while have < wanted {
        let next = match all_at {
            Some(at) => timeout_at(at, asked.next()).await,
            None => Ok(asked.next().await),
        };
        match next {
            Err(_) => {
                all_at = None;
                asked.extend(rest.by_ref().map(&read));
            }
            Ok(None) => break,
            Ok(Some((fragment, Some(payload)))) => {
                if let Some(slot) = slots.get_mut(usize::from(fragment)) {
                    *slot = Some(payload);
                    have += 1;
                }
            }
            Ok(Some((_, None))) => asked.extend(rest.next().map(&read)),
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::hedging::Hedging;
    use super::*;

    /// What each fragment's holder does, by number: how far it is, how long it takes, and
    /// whether it has it.
    type Site = (u64, u64, bool);

    /// Which fragments were asked, in order, which were got, and after how long.
    async fn gathered(sites: &[Site]) -> (Vec<u8>, Vec<u8>, u64) {
        let code = Code::new(2, 2).unwrap();
        let holders = (0_u8..).zip(sites).map(|(fragment, (way, ..))| Holders {
            fragment,
            disks: vec![DiskId::from_u128(u128::from(fragment))],
            rank: Rank::at(Duration::from_millis(*way)),
            patience: Hedging::patience_max(Duration::from_millis(*way)),
        });
        let asked = RefCell::new(Vec::new());
        let begun = Instant::now();
        let slots = gather(code, holders.collect(), |holders: Holders| {
            asked.borrow_mut().push(holders.fragment);
            let (_, takes, has) = sites[usize::from(holders.fragment)];
            async move {
                tokio::time::sleep(Duration::from_millis(takes)).await;
                (holders.fragment, has.then(|| Bytes::from_static(b"bytes")))
            }
        })
        .await;
        let got = (0_u8..).zip(&slots).filter(|(_, slot)| slot.is_some());
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        (asked.take(), got.map(|(fragment, _)| fragment).collect(), took)
    }

    #[tokio::test(start_paused = true)]
    async fn the_nearest_are_asked_and_no_more_than_it_takes() {
        let sites = [(30, 30, true), (10, 10, true), (20, 20, true), (40, 40, true)];
        assert_eq!(gathered(&sites).await, (vec![1, 2], vec![1, 2], 20));
    }

    #[tokio::test(start_paused = true)]
    async fn for_one_that_has_it_not_the_next_is_asked() {
        let sites = [(1, 1, true), (2, 2, false), (3, 3, false), (4, 4, true)];
        assert_eq!(gathered(&sites).await, (vec![0, 1, 2, 3], vec![0, 3], 9));
        let sites = [(1, 1, true), (2, 2, false), (3, 3, false), (4, 4, false)];
        assert_eq!(gathered(&sites).await.1, vec![0], "there are not enough");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_lets_us_wait_is_not_waited_for() {
        let hour = 3_600_000;
        let sites = [(1, hour, true), (1, 1, true), (2, 2, true), (3, 3, true)];
        let patience = u64::try_from(Hedging::patience_max(Duration::from_millis(1)).as_millis());
        let (asked, got, took) = gathered(&sites).await;
        assert_eq!((asked, got), (vec![0, 1, 2, 3], vec![1, 2]));
        assert!(took <= patience.unwrap() + 5, "{took} ms");
        // Two of four: nobody is left to turn to.
        let sites = [(1, 700, true), (1, 500, true), (2, 1, false), (3, 1, false)];
        let (_, got, took) = gathered(&sites).await;
        assert_eq!((got, took), (vec![0, 1], 700));
    }
}
