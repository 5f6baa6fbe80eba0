//! Lists, a page at a time.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};

/// One page of a list, in the order of its entries' names.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; none on the last.
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Entries after this one; from the start if absent.
    #[serde(default)]
    pub after: Option<String>,
    /// How many entries at most, 1 to 1,000.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Only what belongs to this tenant, where the list spans tenants.
    #[serde(default)]
    pub tenant: Option<String>,
}

impl Page {
    /// How many entries to give.
    pub fn entries(&self) -> usize {
        self.limit.unwrap_or(PAGE_ENTRIES_DEFAULT).clamp(1, PAGE_ENTRIES_MAX)
    }

    /// Cuts a sorted run of entries to this page; `name` is what `next` names.
    pub fn cut<T>(&self, entries: impl Iterator<Item = T>, name: impl Fn(&T) -> String) -> List<T> {
        let after = self.after.as_deref();
        let mut rest =
            entries.filter(|entry| after.is_none_or(|after| name(entry).as_str() > after));
        let items: Vec<T> = rest.by_ref().take(self.entries()).collect();
        let next = rest.next().and_then(|_| items.last().map(&name));
        List { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn pages_join_to_the_whole() {
        let names = ["a", "b", "c", "d", "e"];
        let (mut seen, mut after): (Vec<&str>, _) = (Vec::new(), None);
        loop {
            let page = Page { after, limit: Some(2), tenant: None };
            let list = page.cut(names.into_iter(), ToString::to_string);
            seen.extend(list.items);
            match list.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, names);
    }
}
