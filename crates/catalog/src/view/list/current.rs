//! Listing current objects.

use core::ops::Bound;

use units::BucketId;

use super::roll::{Filling, common_prefix};
use super::{After, ListAsk, ListPage, ListedObject};
use crate::limits::LIST_STEPS_BEFORE_SEEK;
use crate::name::ObjectKey;
use crate::record::{Damaged, ObjectVersion};
use crate::table;
use crate::view::{ReadError, View};

impl View {
    /// Lists current objects, in the byte order of their keys.
    pub fn list_current(
        &self,
        bucket: BucketId,
        ask: &ListAsk,
        after: &After,
    ) -> Result<ListPage<ListedObject, After>, ReadError> {
        let mut page = Filling::new(ask, behind);
        if page.is_empty_ask() {
            return Ok(page.finish());
        }
        let prefix = table::current_prefix(bucket, &ask.prefix);
        let Some(end) = table::after_prefix(&prefix) else { return Ok(page.finish()) };
        let mut from = match after {
            After::Start => Some(Bound::Included(prefix.clone())),
            After::Key(key) => Some(Bound::Excluded(table::current_prefix(bucket, key))),
            After::Prefix(below) => past(bucket, below),
        };
        while let Some(start) = from.take() {
            let start = later(start, &prefix);
            let rows = self.rows().scan(as_slice(&start), Bound::Excluded(&end));
            let mut rolled: Option<String> = None;
            let mut steps = 0;
            for row in rows {
                let (row_key, value) = row?;
                let key = object_key(row_key)?;
                if rolled.as_ref().is_some_and(|rolled| key.starts_with(rolled.as_str())) {
                    if page.looked_enough() {
                        return Ok(page.end_here());
                    }
                    steps += 1;
                    if steps < LIST_STEPS_BEFORE_SEEK {
                        continue;
                    }
                    from = rolled.as_deref().and_then(|below| past(bucket, below));
                    break;
                }
                let head = ObjectVersion::decode_head(&value)?;
                if head.is_delete_marker() {
                    if page.looked_enough() {
                        return Ok(page.end_early(After::Key(key)));
                    }
                    continue;
                }
                if !page.has_room() {
                    return Ok(page.finish());
                }
                if let Some(below) = common_prefix(&key, ask) {
                    page.prefix(below, After::Prefix(below.to_owned()));
                    rolled = Some(below.to_owned());
                    steps = 0;
                } else {
                    page.entry(ListedObject { key: ObjectKey::stored(key), head });
                }
                if page.looked_enough() {
                    return Ok(page.end_here());
                }
            }
        }
        Ok(page.finish())
    }
}

fn behind(last: &ListedObject) -> After {
    After::Key(last.key.as_str().to_owned())
}

/// Where the rows after everything below a common prefix begin.
fn past(bucket: BucketId, below: &str) -> Option<Bound<Vec<u8>>> {
    table::after_prefix(&table::current_prefix(bucket, below)).map(Bound::Included)
}

/// The later of a start and the beginning of the prefix.
pub(super) fn later(start: Bound<Vec<u8>>, prefix: &[u8]) -> Bound<Vec<u8>> {
    match &start {
        Bound::Included(key) | Bound::Excluded(key) if key.as_slice() < prefix => {
            Bound::Included(prefix.to_vec())
        }
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
        Bound::Included(_) | Bound::Excluded(_) => start,
    }
}

pub(super) fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The object key in a `current` row key.
pub(super) fn object_key(mut row_key: Vec<u8>) -> Result<String, Damaged> {
    let damaged = Damaged { kind: "object version" };
    if row_key.len() < table::CURRENT_KEY_AT {
        return Err(damaged);
    }
    row_key.drain(..table::CURRENT_KEY_AT);
    String::from_utf8(row_key).map_err(|_| damaged)
}
