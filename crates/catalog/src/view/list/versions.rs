//! Listing all versions: a merge of the current rows and the older ones, both in
//! key order, so that no version costs a look-up of its own.

use core::iter::Peekable;
use core::ops::Bound;

use units::{BucketId, planted};

use super::current::{as_slice, later, object_key};
use super::roll::{Filling, common_prefix};
use super::{AfterVersion, ListAsk, ListPage, ListedVersion};
use crate::limits::LIST_STEPS_BEFORE_SEEK;
use crate::name::{ObjectKey, VersionId, VersionName};
use crate::record::{Damaged, ObjectVersion, VersionHead};
use crate::rows::{Row, RowsError};
use crate::table;
use crate::view::{ReadError, View};

type RowsIn<'a> = Peekable<Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a>>;

/// Where both tables are read on from.
struct Start {
    current: Bound<Vec<u8>>,
    noncurrent: Bound<Vec<u8>>,
}

/// One version on its way to the page.
struct Next {
    key: String,
    head: VersionHead,
    is_latest: bool,
}

fn behind(last: &ListedVersion) -> AfterVersion {
    AfterVersion::Version(last.key.as_str().to_owned(), last.head.name())
}

impl View {
    /// Lists all versions and delete markers, the newest of a key first.
    pub fn list_versions(
        &self,
        bucket: BucketId,
        ask: &ListAsk,
        after: &AfterVersion,
    ) -> Result<ListPage<ListedVersion, AfterVersion>, ReadError> {
        let mut page = Filling::new(ask, behind);
        if page.is_empty_ask() {
            return Ok(page.finish());
        }
        let mut from = self.start_of(bucket, after)?;
        while let Some(start) = from.take() {
            let mut merge = self.merge_from(bucket, ask, &start);
            let mut rolled: Option<String> = None;
            let mut steps = 0;
            while let Some(next) = merge.next()? {
                if rolled.as_ref().is_some_and(|rolled| next.key.starts_with(rolled.as_str())) {
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
                if !page.has_room() {
                    return Ok(page.finish());
                }
                if let Some(below) = common_prefix(&next.key, ask) {
                    page.prefix(below, AfterVersion::Prefix(below.to_owned()));
                    rolled = Some(below.to_owned());
                    steps = 0;
                } else {
                    let Next { key, head, is_latest } = next;
                    let key = ObjectKey::stored(key);
                    page.entry(ListedVersion { key, head, is_latest });
                }
                if page.looked_enough() {
                    return Ok(page.end_here());
                }
            }
        }
        Ok(page.finish())
    }

    fn start_of(&self, bucket: BucketId, after: &AfterVersion) -> Result<Option<Start>, ReadError> {
        Ok(match after {
            AfterVersion::Start => Some(Start {
                current: Bound::Included(table::current_prefix(bucket, "")),
                noncurrent: Bound::Included(table::noncurrent_prefix(bucket, "")),
            }),
            AfterVersion::Prefix(below) => past(bucket, below),
            AfterVersion::Key(key) => after_key(bucket, key),
            AfterVersion::Version(key, name) => self.after_version(bucket, key, *name)?,
        })
    }

    fn after_version(
        &self,
        bucket: BucketId,
        key: &str,
        name: VersionName,
    ) -> Result<Option<Start>, ReadError> {
        let row = table::current_prefix(bucket, key);
        let Some(value) = self.rows().get(&row)? else { return Ok(after_key(bucket, key)) };
        let head = ObjectVersion::decode_head(&value)?;
        let shown: Option<VersionId> = match name {
            VersionName::Id(id) => Some(id),
            VersionName::Null if head.is_null => Some(head.version),
            VersionName::Null => head.null_noncurrent,
        };
        let Some(shown) = shown else { return Ok(after_key(bucket, key)) };
        let stored = ObjectKey::stored(key.to_owned());
        let current = if head.version.ordinal() < shown.ordinal() {
            Bound::Included(row)
        } else {
            Bound::Excluded(row)
        };
        let noncurrent = Bound::Excluded(table::noncurrent(bucket, &stored, shown));
        Ok(Some(Start { current, noncurrent }))
    }

    fn merge_from<'v>(&'v self, bucket: BucketId, ask: &ListAsk, start: &Start) -> Merge<'v> {
        let rows = |prefix: Vec<u8>, start: &Bound<Vec<u8>>| -> RowsIn<'v> {
            let start = later(start.clone(), &prefix);
            let end = table::after_prefix(&prefix).unwrap_or_default();
            self.rows().scan(as_slice(&start), Bound::Excluded(&end)).peekable()
        };
        Merge {
            current: rows(table::current_prefix(bucket, &ask.prefix), &start.current),
            noncurrent: rows(table::noncurrent_prefix(bucket, &ask.prefix), &start.noncurrent),
            waiting: None,
            behind: None,
        }
    }
}

fn after_key(bucket: BucketId, key: &str) -> Option<Start> {
    let stored = ObjectKey::stored(key.to_owned());
    Some(Start {
        current: Bound::Excluded(table::current(bucket, &stored)),
        noncurrent: Bound::Included(table::after_prefix(&table::noncurrent_of(bucket, &stored))?),
    })
}

fn past(bucket: BucketId, below: &str) -> Option<Start> {
    Some(Start {
        current: Bound::Included(table::after_prefix(&table::current_prefix(bucket, below))?),
        noncurrent: Bound::Included(table::after_prefix(&table::noncurrent_prefix(bucket, below))?),
    })
}

/// Both tables in one order.
struct Merge<'a> {
    current: RowsIn<'a>,
    noncurrent: RowsIn<'a>,
    /// The next current row, read ahead.
    waiting: Option<(String, Vec<u8>)>,
    /// The next older row, read ahead.
    behind: Option<(String, Vec<u8>)>,
}

impl Merge<'_> {
    fn next(&mut self) -> Result<Option<Next>, ReadError> {
        if self.waiting.is_none()
            && let Some(row) = self.current.next()
        {
            let (key, value) = row?;
            self.waiting = Some((object_key(key)?, value));
        }
        if self.behind.is_none()
            && let Some(row) = self.noncurrent.next()
        {
            let (key, value) = row?;
            self.behind = Some((noncurrent_key(&key)?, value));
        }
        // Of one key, the current row comes first.
        let current_first = match (&self.waiting, &self.behind) {
            (Some((current, _)), Some((older, _))) => {
                current < older
                    || current == older && !planted::is_on("catalog-lists-older-version-first")
            }
            (waiting, _) => waiting.is_some(),
        };
        let taken = if current_first { self.waiting.take() } else { self.behind.take() };
        let Some((key, value)) = taken else { return Ok(None) };
        let head = ObjectVersion::decode_head(&value)?;
        Ok(Some(Next { key, head, is_latest: current_first }))
    }
}

fn noncurrent_key(row_key: &[u8]) -> Result<String, Damaged> {
    let damaged = Damaged { kind: "object version" };
    let escaped = row_key.get(table::CURRENT_KEY_AT..).ok_or(damaged)?;
    let (key, _) = table::take_escaped(escaped).ok_or(damaged)?;
    String::from_utf8(key).map_err(|_| damaged)
}
