//! Rolling up: which keys a page shows one by one and which as common prefixes,
//! and when the page is full.

use super::{ListAsk, ListPage};
use crate::limits::{LIST_ENTRIES_MAX, LIST_ROWS_MAX};

/// The common prefix that a key is rolled up into, if any.
pub(super) fn common_prefix<'k>(key: &'k str, ask: &ListAsk) -> Option<&'k str> {
    let delimiter = ask.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.strip_prefix(ask.prefix.as_str())?;
    let at = rest.find(delimiter)?;
    key.get(..ask.prefix.len() + at + delimiter.len())
}

/// A page that is being filled.
pub(super) struct Filling<Entry, Next> {
    page: ListPage<Entry, Next>,
    /// Where the next page would begin if this one ended behind an entry.
    behind: fn(&Entry) -> Next,
    /// The same if what came last was a common prefix.
    resume: Option<Next>,
    limit: usize,
    rows_left: usize,
}

impl<Entry, Next> Filling<Entry, Next> {
    pub(super) fn new(ask: &ListAsk, behind: fn(&Entry) -> Next) -> Self {
        let (entries, prefixes) = (Vec::new(), Vec::new());
        let page = ListPage { entries, prefixes, next: None, ended_early: false };
        let limit = ask.limit.min(LIST_ENTRIES_MAX);
        let rows_left = ask.rows_max.unwrap_or(LIST_ROWS_MAX).clamp(1, LIST_ROWS_MAX);
        Self { page, behind, resume: None, limit, rows_left }
    }

    /// Whether nothing was asked for.
    pub(super) const fn is_empty_ask(&self) -> bool {
        self.limit == 0
    }

    /// Counts a row that was dealt with; true if the page must end early, after it.
    pub(super) fn looked_enough(&mut self) -> bool {
        self.rows_left = self.rows_left.saturating_sub(1);
        self.rows_left == 0
    }

    /// Whether something more may be put on the page. If not, the page is full
    /// and there is more.
    pub(super) fn has_room(&mut self) -> bool {
        let room = self.page.entries.len() + self.page.prefixes.len() < self.limit;
        if !room {
            let last = self.page.entries.last();
            self.page.next = self.resume.take().or_else(|| last.map(self.behind));
        }
        room
    }

    pub(super) fn entry(&mut self, entry: Entry) {
        self.page.entries.push(entry);
        self.resume = None;
    }

    pub(super) fn prefix(&mut self, prefix: &str, resume: Next) {
        self.page.prefixes.push(prefix.to_owned());
        self.resume = Some(resume);
    }

    /// The page as it is, to go on after `resume`.
    pub(super) fn end_early(mut self, resume: Next) -> ListPage<Entry, Next> {
        self.page.next = Some(resume);
        self.page.ended_early = true;
        self.page
    }

    /// The page as it is, to go on after what came last on it.
    pub(super) fn end_here(mut self) -> ListPage<Entry, Next> {
        let last = self.page.entries.last();
        self.page.next = self.resume.take().or_else(|| last.map(self.behind));
        self.page.ended_early = true;
        self.page
    }

    pub(super) fn finish(self) -> ListPage<Entry, Next> {
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_rolled_up_at_the_first_delimiter_after_the_prefix() {
        let check = |key, prefix: &str, delimiter: &str, expected| {
            let ask = ListAsk {
                prefix: prefix.to_owned(),
                delimiter: Some(delimiter.to_owned()),
                limit: 1,
                rows_max: None,
            };
            assert_eq!(common_prefix(key, &ask), expected, "{key} {prefix} {delimiter}");
        };
        check("a/b/c", "", "/", Some("a/"));
        check("a/b/c", "a/", "/", Some("a/b/"));
        check("a/b/c", "a/b/", "/", None);
        check("a/b", "b", "/", None);
        check("aXXb", "", "XX", Some("aXX"));
        check("éàé", "é", "à", Some("éà"));
        check("a/b", "", "", None);
    }
}
