//! Listing unfinished uploads, and the parts of one.

use core::ops::Bound;

use units::{BucketId, PartNumber, ReferenceId, UploadId};

use super::current::{as_slice, later};
use super::roll::{Filling, common_prefix};
use super::{AfterUpload, ListAsk, ListPage, ListedUpload};
use crate::limits::LIST_ENTRIES_MAX;
use crate::name::ObjectKey;
use crate::record::{Damaged, PartReference, Record, Upload};
use crate::table;
use crate::view::{ReadError, View};

fn behind(last: &ListedUpload) -> AfterUpload {
    AfterUpload::Upload(last.key.as_str().to_owned(), last.id)
}

impl View {
    /// Lists unfinished uploads, by key and then by id.
    pub fn list_uploads(
        &self,
        bucket: BucketId,
        ask: &ListAsk,
        after: &AfterUpload,
    ) -> Result<ListPage<ListedUpload, AfterUpload>, ReadError> {
        let mut page = Filling::new(ask, behind);
        if page.is_empty_ask() {
            return Ok(page.finish());
        }
        let prefix = table::upload_prefix(bucket, &ask.prefix);
        let Some(end) = table::after_prefix(&prefix) else { return Ok(page.finish()) };
        let mut from = match after {
            AfterUpload::Start => Some(Bound::Included(prefix.clone())),
            AfterUpload::Key(key) => {
                let of_key = table::uploads_of(bucket, key);
                table::after_prefix(&of_key).map(Bound::Included)
            }
            AfterUpload::Upload(key, id) => {
                let key = ObjectKey::stored(key.clone());
                Some(Bound::Excluded(table::upload(bucket, &key, *id)))
            }
            AfterUpload::Prefix(below) => past(bucket, below),
        };
        while let Some(start) = from.take() {
            let start = later(start, &prefix);
            for row in self.rows().scan(as_slice(&start), Bound::Excluded(&end)) {
                let (row_key, value) = row?;
                let (key, id) = key_and_id(&row_key)?;
                if !page.has_room() {
                    return Ok(page.finish());
                }
                let below = common_prefix(&key, ask).map(str::to_owned);
                if let Some(below) = &below {
                    page.prefix(below, AfterUpload::Prefix(below.clone()));
                } else {
                    let upload = Upload::decode(&value)?;
                    page.entry(ListedUpload { key: ObjectKey::stored(key), id, upload });
                }
                if page.looked_enough() {
                    return Ok(page.end_here());
                }
                if let Some(below) = below {
                    from = past(bucket, &below);
                    break;
                }
            }
        }
        Ok(page.finish())
    }

    /// Lists the parts of an unfinished upload after this number.
    pub fn list_parts(
        &self,
        upload: UploadId,
        after: PartNumber,
        limit: usize,
    ) -> Result<ListPage<PartReference, PartNumber>, ReadError> {
        let limit = limit.min(LIST_ENTRIES_MAX);
        let reference = ReferenceId::from_u128(upload.to_u128());
        let mut entries = self.manifest_parts(reference, after, limit + 1)?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|part| part.number);
        Ok(ListPage { entries, prefixes: Vec::new(), next, ended_early: false })
    }
}

fn past(bucket: BucketId, below: &str) -> Option<Bound<Vec<u8>>> {
    table::after_prefix(&table::upload_prefix(bucket, below)).map(Bound::Included)
}

fn key_and_id(row_key: &[u8]) -> Result<(String, UploadId), Damaged> {
    let damaged = Damaged { kind: "upload" };
    let escaped = row_key.get(table::CURRENT_KEY_AT..).ok_or(damaged)?;
    let (key, id) = table::take_escaped(escaped).ok_or(damaged)?;
    let id = <[u8; 16]>::try_from(id).map_err(|_| damaged)?;
    Ok((String::from_utf8(key).map_err(|_| damaged)?, UploadId::from_bytes(id)))
}
