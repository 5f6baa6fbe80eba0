//! Clearing: what an erased tenant left goes, bucket by bucket, some versions at a time.
//!
//! Nothing opens it any more, so locks do not hold it; parts are let go as by any delete,
//! and so shared ones stay with those who share them. The feed is told of the bucket
//! only: the names of what an erased tenant stored are not told again.
//!
//! **Invariant**: after every command the bucket is one that any other command could have
//! left: each key that has a version has a current one, and the usage is what there is.

use units::{BucketId, planted};

use super::tx::Tx;
use super::{bucket as buckets, chain, delete, lock};
use crate::command::BucketClear;
use crate::limits::CLEAR_VERSIONS_MAX;
use crate::name::{ObjectKey, VersionAsk};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Bucket, Damaged, ObjectVersion};
use crate::table;

pub(super) fn bucket(tx: &mut Tx<'_>, ask: &BucketClear) -> Result<Success, Halt> {
    let bucket = tx.bucket(&ask.bucket)?;
    let tenant = tx.tenant(bucket.tenant)?;
    lock::check_clearable(&tenant)?;
    let most = ask.versions.min(CLEAR_VERSIONS_MAX) as usize;
    let mut taken = 0;
    let mut next = None;
    // One key more than there may be versions: it is where to go on.
    for key in keys(tx, bucket.id, ask.from.as_ref(), most.saturating_add(1))? {
        if !clear_key(tx, &bucket, &key, most, &mut taken)? {
            next = Some(key);
            break;
        }
    }
    let bucket_gone = next.is_none()
        && (planted::is_on("catalog-clears-too-early") || !buckets::holds_versions(tx, bucket.id)?);
    if bucket_gone {
        buckets::remove(tx, &bucket)?;
    }
    let versions = u32::try_from(taken).unwrap_or(u32::MAX);
    Ok(Success::Cleared { versions, next, bucket_gone })
}

/// The first keys of a bucket that have a version, from this one on.
fn keys(
    tx: &Tx<'_>,
    bucket: BucketId,
    from: Option<&ObjectKey>,
    limit: usize,
) -> Result<Vec<ObjectKey>, Halt> {
    let prefix = table::current_prefix(bucket, "");
    let end = table::after_prefix(&prefix).unwrap_or_default();
    let first = from.map_or(prefix, |key| table::current(bucket, key));
    let mut keys = Vec::new();
    for row in tx.rows.scan(&first, &end).take(limit) {
        let (row, _) = row?;
        let key = row.get(table::CURRENT_KEY_AT..).map(<[u8]>::to_vec);
        let key = key.and_then(|bytes| String::from_utf8(bytes).ok());
        keys.push(ObjectKey::stored(key.ok_or(Damaged { kind: "object version" })?));
    }
    Ok(keys)
}

/// Takes the versions of a key out, the current one last; whether all are gone.
fn clear_key(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &ObjectKey,
    most: usize,
    taken: &mut usize,
) -> Result<bool, Halt> {
    let behind = table::noncurrent_of(bucket.id, key);
    let left = most.saturating_sub(*taken);
    let rows: Vec<_> = tx.rows.scan_prefix(&behind).take(left).collect::<Result<_, _>>()?;
    let asks = rows.iter().map(|(_, row)| Ok(ObjectVersion::decode_head(row)?.version));
    let asks: Vec<_> = asks.collect::<Result<_, Damaged>>()?;
    for ask in asks.into_iter().map(VersionAsk::Exact).chain([VersionAsk::Current]) {
        if *taken >= most {
            return Ok(false);
        }
        let Some(current) = chain::current(tx, bucket.id, key)? else { return Ok(true) };
        let found = chain::find(tx, bucket.id, key, &current, ask)?;
        let (version, place) = found.ok_or(Damaged { kind: "object version" })?;
        delete::take_out(tx, bucket, key, current, &version, &place)?;
        *taken = taken.saturating_add(1);
    }
    Ok(true)
}
