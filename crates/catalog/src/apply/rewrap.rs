//! Key rotation: the same keys, wrapped anew.
//!
//! **Invariant**: nothing but the wrapped key changes; no event, no usage, no
//! date: for every client the version is what it was.

use units::{BucketId, PartNumber};

use super::chain;
use super::tx::{Tx, check_size};
use crate::command::{PartKeyPlace, PartKeyRewrap, PartKeysRewrap, SecretReseal};
use crate::limits::PART_KEYS_REWRAP_MAX;
use crate::name::{SealedBytes, VersionAsk};
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{AccessKey, Content, PartReference};
use crate::refusal::Refusal;
use crate::table;

pub(super) fn part_keys(tx: &mut Tx<'_>, ask: &PartKeysRewrap) -> Result<Success, Halt> {
    check_size("list of part keys", ask.keys.len(), PART_KEYS_REWRAP_MAX)?;
    let bucket = tx.bucket(&ask.bucket)?;
    for one in &ask.keys {
        part_key(tx, bucket.id, one)?;
    }
    Ok(Success::Done)
}

fn part_key(tx: &mut Tx<'_>, bucket: BucketId, ask: &PartKeyRewrap) -> Result<(), Halt> {
    match &ask.place {
        PartKeyPlace::Version { key, version } => {
            let Some(current) = chain::current(tx, bucket, key)? else { return Ok(()) };
            let asked = VersionAsk::Exact(*version);
            let Some((mut found, place)) = chain::find(tx, bucket, key, &current, asked)? else {
                return Ok(());
            };
            let wrapped = match &mut found.detail.content {
                Content::Inline { wrapped_key, .. } => wrapped_key,
                Content::Part(reference) => &mut reference.wrapped_key,
                Content::Empty | Content::Manifest { .. } => return Ok(()),
            };
            if replace(wrapped, ask) {
                chain::rewrite(tx, bucket, key, &found, &place);
            }
        }
        // Number 0 is the manifest's head, which has no key.
        PartKeyPlace::Manifest { number, .. } if *number == PartNumber::ZERO => {}
        PartKeyPlace::Manifest { reference, number } => {
            let row = table::manifest_part(*reference, *number);
            let Some(mut part) = tx.rows.record::<PartReference>(&row)? else { return Ok(()) };
            if replace(&mut part.wrapped_key, ask) {
                tx.rows.put_record(row, &part);
            }
        }
    }
    Ok(())
}

fn replace(wrapped: &mut SealedBytes, ask: &PartKeyRewrap) -> bool {
    let same = *wrapped == ask.old;
    if same {
        wrapped.clone_from(&ask.new);
    }
    same
}

pub(super) fn secret(tx: &mut Tx<'_>, ask: &SecretReseal) -> Result<Success, Halt> {
    let row = table::key(&ask.id);
    let key = tx.rows.record::<AccessKey>(&row)?;
    let mut key = key.ok_or(Refusal::NoSuchAccessKey)?;
    if key.sealed_secret != ask.old {
        return Err(Refusal::KeyChanged.into());
    }
    key.sealed_secret = ask.new.clone();
    tx.rows.put_record(row, &key);
    Ok(Success::Done)
}
