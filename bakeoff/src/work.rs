//! What the catalog is asked to do: real commands, applied by the catalog itself.
//!
//! One tenant, one bucket, keys `archive/0123/00123456.pdf`, a thousand below
//! each common prefix, put in an order that jumps about. Every other object is
//! small enough to lie inline (512 bytes), the others have a part of 1 MiB.

use anyhow::{Result, bail};
use catalog::command::{
    BucketCreate, BucketRef, Cause, ContentPut, DeleteCondition, DeleteGuard, DeleteItem,
    NewVersion, ObjectDelete, ObjectPut, PartLayout, PutCondition, PutOrigin, TenantCreate,
};
use catalog::{
    Batch, BucketName, Command, ETag, ObjectKey, PartReference, Quota, SealedBytes, Stamped,
    TenantName, VersionAsk, apply,
};
use kv::Engine;
use units::hash::Md5;
use units::{BucketId, ByteCount, DiskId, PartId, PartNumber, ReferenceId, TenantId, Timestamp};

/// Commands in one log entry.
pub const PACK_COMMANDS: u64 = 16;
/// The bucket of all objects.
pub const BUCKET: BucketId = BucketId::from_u128(0x2222_0000_2222_0000_2222_0000_2222_0000);
/// Keys below one common prefix.
pub const BELOW_PREFIX: u64 = 1000;
/// A prime, so that stepping by it visits every place once.
const STRIDE: u64 = 7_368_787;

/// Numbers that look random and are the same in every run.
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bytes that do not compress, as sealed ones.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let words = (0_u64..).flat_map(|n| mixed(seed ^ (n << 40)).to_le_bytes());
    words.take(length).collect()
}

fn id(number: u64, kind: u64) -> u128 {
    u128::from(mixed(number ^ (kind << 56))) << 64 | u128::from(number)
}

fn sealed(seed: u64, length: usize) -> SealedBytes {
    SealedBytes::new(noise(seed, length))
}

/// The place, in key order, of the object that is put as the `number`th.
pub fn place(number: u64, objects: u64) -> u64 {
    number.wrapping_mul(STRIDE) % objects
}

/// The key at a place.
pub fn key(place: u64) -> Result<ObjectKey> {
    let text = format!("archive/{:04}/{place:08}.pdf", place / BELOW_PREFIX);
    Ok(ObjectKey::new(text)?)
}

fn bucket() -> Result<BucketRef> {
    Ok(BucketRef { name: BucketName::new("registers")?, id: BUCKET })
}

/// A tenant and its bucket.
pub fn opening() -> Result<Vec<Command>> {
    let tenant = TenantId::from_u128(1);
    Ok(vec![
        Command::TenantCreate(TenantCreate {
            id: tenant,
            name: TenantName::new("mairie")?,
            quota: Quota::default(),
            wrapped_key: sealed(1, 60),
        }),
        Command::BucketCreate(BucketCreate {
            id: BUCKET,
            name: bucket()?.name,
            tenant,
            wrapped_key: sealed(2, 60),
            object_lock: false,
            ownership: None,
            acl: None,
        }),
    ])
}

/// Puts an object at a place.
pub fn put(place: u64, seed: u64) -> Result<Command> {
    let reference = ReferenceId::from_u128(id(seed, 1));
    let digest = Md5(noise(seed, 16).try_into().unwrap_or_default());
    let mut version = NewVersion::empty(mixed(seed), reference, ETag::Md5(digest));
    version.headers.content_type = Some("application/pdf".to_owned());
    version.metadata = vec![("mtime".to_owned(), "1763771400.123456789".to_owned())];
    let part = PartId::from_u128(id(seed, 2));
    (version.size, version.content) = if place.is_multiple_of(2) {
        let content =
            ContentPut::Inline { part, wrapped_key: sealed(seed, 60), sealed: sealed(seed, 528) };
        (ByteCount::new(512), content)
    } else {
        let size = ByteCount::new(1 << 20);
        let reference = PartReference {
            part,
            number: PartNumber::new(1),
            size,
            md5: digest,
            checksum: None,
            modified: Timestamp::from_micros(1_763_771_400_000_000),
            wrapped_key: sealed(seed, 60),
        };
        let layout = PartLayout {
            stripe_bytes: 4 << 20,
            stripe_count: 1,
            codec: 1,
            data: 1,
            parity: 1,
            slots: vec![DiskId::from_u128(id(1, 3)), DiskId::from_u128(id(2, 3))],
        };
        (size, ContentPut::NewPart { reference, layout })
    };
    Ok(Command::ObjectPut(Box::new(ObjectPut {
        bucket: bucket()?,
        key: key(place)?,
        version,
        condition: PutCondition::default(),
        origin: PutOrigin::Body,
    })))
}

/// Deletes the object at a place.
pub fn delete(place: u64) -> Result<Command> {
    Ok(Command::ObjectDelete(ObjectDelete {
        bucket: bucket()?,
        item: DeleteItem {
            key: key(place)?,
            version: VersionAsk::Current,
            condition: DeleteCondition::default(),
            guard: DeleteGuard::None,
            marker_random: place,
            marker_reference: ReferenceId::from_u128(id(place, 4)),
        },
        bypass_governance: false,
        cause: Cause::Client,
    }))
}

/// Applies one log entry, with the row that says how far the log was applied.
pub fn batch(engine: &dyn Engine, commands: Vec<Command>, entry: u64) -> Result<Batch> {
    let at = Timestamp::from_micros(1_763_771_400_000_000 + i64::try_from(entry)?);
    let commands: Vec<Stamped> =
        commands.into_iter().map(|command| Stamped { at, command }).collect();
    let applied = apply(&*engine.view(), &commands)?;
    if let Some(Err(refusal)) = applied.outcomes.iter().find(|outcome| outcome.is_err()) {
        bail!("a command of entry {entry} was refused: {refusal:?}");
    }
    let mut batch = applied.batch;
    batch.writes.insert(b"\xFFapplied".to_vec(), Some(noise(entry, 80)));
    Ok(batch)
}

/// Bytes of the keys and values of a batch.
pub fn bytes_of(batch: &Batch) -> u64 {
    let row =
        |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| key.len() + value.as_ref().map_or(0, Vec::len);
    batch.writes.iter().map(row).sum::<usize>() as u64
}
