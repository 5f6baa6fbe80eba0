//! A page put together from slices.
//!
//! A thread that serves connections serves many, and a page may mean thousands of
//! rows: all groups of a delimiter that groups next to nothing, or a bucket full of
//! delete markers. So a page is looked for in slices, and between two of them
//! whoever waits is served; in company they are short.
//!
//! **Invariants**
//! - The page is the one that a single look would have given, but for what changed
//!   meanwhile, as between two pages.
//! - No page looks at more than [`LIST_ROWS_MAX`] rows, give or take a slice, or for
//!   longer than [`LIST_TIME_MAX`]: then it ends early, as S3 allows.

use std::time::Instant;

use catalog::limits::LIST_ROWS_MAX;
use catalog::{ListAsk, ListPage};

use crate::limits::{LIST_SLICE_ROWS, LIST_SLICE_ROWS_SHARED, LIST_TIME_MAX};
use crate::request::RequestContext;

/// A page that is being put together.
pub(super) struct Slices<'c, Entry, Next> {
    context: Option<&'c RequestContext>,
    limit: usize,
    /// Rows in a slice: alone, and in company.
    slice_rows: (usize, usize),
    /// What to ask for next.
    ask: ListAsk,
    after: Next,
    rows_left: usize,
    began: Instant,
    page: ListPage<Entry, Next>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begins,
    GoesOn,
    /// The page is full; is there anything more?
    Probes,
    Done,
}

impl<'c, Entry, Next: Clone> Slices<'c, Entry, Next> {
    /// A page of what is asked, for this request.
    pub(super) fn new(context: Option<&'c RequestContext>, ask: &ListAsk, after: Next) -> Self {
        let (entries, prefixes) = (Vec::new(), Vec::new());
        Self {
            context,
            limit: ask.limit,
            slice_rows: (LIST_SLICE_ROWS, LIST_SLICE_ROWS_SHARED),
            ask: ask.clone(),
            after,
            rows_left: LIST_ROWS_MAX,
            began: Instant::now(),
            page: ListPage { entries, prefixes, next: None, ended_early: false },
            state: State::Begins,
        }
    }

    /// What to look for next, once others had their turn; none when the page is done,
    /// or when it must end as it is.
    pub(super) async fn next(&mut self) -> Option<(ListAsk, Next)> {
        match (self.state, self.context) {
            (State::Done, _) => return None,
            (State::GoesOn | State::Probes, Some(context)) => {
                if self.began.elapsed() > LIST_TIME_MAX || context.let_others().await.is_err() {
                    return None;
                }
            }
            (State::Begins | State::GoesOn | State::Probes, _) => {}
        }
        let in_company = self.context.is_some_and(RequestContext::is_in_company);
        let (alone, shared) = self.slice_rows;
        let rows = if in_company { shared } else { alone };
        let rows = rows.min(self.rows_left).max(1);
        self.rows_left = self.rows_left.saturating_sub(rows);
        Some((ListAsk { rows_max: Some(rows), ..self.ask.clone() }, self.after.clone()))
    }

    /// What was found.
    pub(super) fn add(&mut self, found: ListPage<Entry, Next>) {
        if self.state == State::Probes {
            let is_more = !found.entries.is_empty() || !found.prefixes.is_empty();
            match found.next {
                // Nothing shown yet, and rows left to look at.
                Some(next) if !is_more && self.rows_left > 0 => self.after = next,
                next => {
                    // The page goes on where it was full, or does not.
                    let goes_on = is_more || next.is_some();
                    self.page.next = self.page.next.take().filter(|_| goes_on);
                    self.page.ended_early = !is_more && goes_on;
                    self.state = State::Done;
                }
            }
            return;
        }
        self.page.entries.extend(found.entries);
        self.page.prefixes.extend(found.prefixes);
        self.page.next = found.next;
        self.page.ended_early = found.ended_early;
        let shown = self.page.entries.len() + self.page.prefixes.len();
        self.ask.limit = self.limit.saturating_sub(shown);
        self.state = match &self.page.next {
            Some(next) if found.ended_early && self.rows_left > 0 => {
                self.after = next.clone();
                if self.ask.limit == 0 { State::Probes } else { State::GoesOn }
            }
            _ => State::Done,
        };
        if self.state == State::Probes {
            self.ask.limit = 1;
        }
    }

    /// The page.
    pub(super) fn page(self) -> ListPage<Entry, Next> {
        self.page
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroUsize;
    use core::time::Duration;
    use std::sync::Arc;

    use access::Lane;
    use units::TenantId;

    use super::*;
    use crate::limits::SURE_PER_LANE;
    use crate::server::Turns;

    /// Rows of which some are shown: a listing as the catalog makes it, of numbers.
    fn look(shown: &[bool], ask: &ListAsk, from: usize) -> ListPage<usize, usize> {
        let (entries, prefixes) = (Vec::new(), Vec::new());
        let mut page = ListPage { entries, prefixes, next: None, ended_early: false };
        if ask.limit == 0 {
            return page;
        }
        for (looked, (row, is_shown)) in shown.iter().enumerate().skip(from).enumerate() {
            if *is_shown {
                if page.entries.len() == ask.limit {
                    page.next = page.entries.last().map(|row| row + 1);
                    return page;
                }
                page.entries.push(row);
            }
            if ask.rows_max.is_some_and(|most| looked + 1 >= most) {
                (page.next, page.ended_early) = (Some(row + 1), true);
                return page;
            }
        }
        page
    }

    async fn check(shown: &[bool], limit: usize, slice: usize) {
        let ask = ListAsk { limit, ..ListAsk::default() };
        let mut slices = Slices::new(None, &ask, 0);
        slices.slice_rows = (slice, slice);
        while let Some((ask, after)) = slices.next().await {
            slices.add(look(shown, &ask, after));
        }
        let (found, whole) = (slices.page(), look(shown, &ask, 0));
        assert_eq!(found.entries, whole.entries, "{shown:?} {limit} {slice}");
        assert_eq!(found.next.is_some(), whole.next.is_some(), "{shown:?} {limit} {slice}");
        if let Some(next) = found.next {
            let rest = |from| look(shown, &ListAsk { limit: 100, ..ListAsk::default() }, from);
            assert_eq!(rest(next), rest(whole.next.unwrap_or_default()), "goes on");
        }
    }

    #[tokio::test]
    async fn slices_put_together_are_the_page() {
        for rows in 0_u32..(1 << 8) {
            let shown: Vec<bool> = (0..8).map(|bit| rows & (1 << bit) != 0).collect();
            for limit in [0, 1, 2, 3, 8, 20] {
                for slice in [1, 2, 3, 7, 8, 9] {
                    check(&shown, limit, slice).await;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_bucket_of_markers_ends_the_page_early() {
        let shown = vec![false; LIST_ROWS_MAX + 10];
        let ask = ListAsk { limit: 5, ..ListAsk::default() };
        let mut slices = Slices::new(None, &ask, 0);
        let mut looks = 0;
        while let Some((ask, after)) = slices.next().await {
            slices.add(look(&shown, &ask, after));
            looks += 1;
        }
        let page = slices.page();
        assert_eq!((page.next, page.ended_early), (Some(LIST_ROWS_MAX), true), "where to go on");
        assert_eq!(looks, LIST_ROWS_MAX.div_ceil(LIST_SLICE_ROWS));
    }

    #[tokio::test]
    async fn without_a_turn_the_page_ends_early() {
        let lane = |number| Lane::Tenant(TenantId::from_u128(number));
        let soon = Duration::from_millis(50);
        let turns = Turns::with_patience(NonZeroUsize::MIN, NonZeroUsize::MIN, soon);
        let context = RequestContext::new(String::new(), ([127, 0, 0, 1], 1).into(), false);
        context.work_begin(&turns, lane(1), turns.take(lane(1)).await.unwrap());
        // Others have all express turns, and one more waits for whatever comes free.
        let mut held = Vec::new();
        for number in 2..4 {
            for _ in 0..SURE_PER_LANE {
                held.push(turns.take(lane(number)).await.unwrap());
                drop(turns.take_now(lane(1)));
            }
        }
        assert!(context.is_in_company());
        let waits = {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                let _turn = turns.take(lane(9)).await.unwrap();
                core::future::pending::<()>().await;
            })
        };
        tokio::task::yield_now().await;
        let ask = ListAsk { limit: 5, ..ListAsk::default() };
        let mut slices = Slices::new(Some(&context), &ask, 0);
        slices.slice_rows = (2, 2);
        let (ask, after) = slices.next().await.unwrap();
        slices.add(look(&[true; 8], &ask, after));
        assert_eq!(slices.next().await, None, "no turn came");
        assert!(context.is_in_company(), "who has no turn is in company none the less");
        let page = slices.page();
        assert_eq!((page.entries, page.next, page.ended_early), (vec![0, 1], Some(2), true));
        waits.abort();
    }
}
