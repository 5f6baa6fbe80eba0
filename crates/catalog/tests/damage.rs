//! Rows that were damaged are reported, never panicked on.

mod trial;

use std::sync::Arc;

use core::ops::Bound;

use catalog::{
    After, AfterUpload, AfterVersion, Batch, BucketName, ListAsk, MemoryRows, ObjectKey, Rows,
    Stamped, VersionAsk, VersionName, View, apply,
};
use units::{PartNumber, Random, Sequence, SimRandom};

fn rows_of(history: &[Stamped]) -> MemoryRows {
    let mut rows = MemoryRows::default();
    rows.commit(apply(&rows, history).expect("rows in memory can be read").batch);
    rows
}

fn draw(random: &SimRandom, below: usize) -> usize {
    let mut bytes = [0_u8; 8];
    random.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) >> 8).unwrap_or(0) % below.max(1)
}

/// Flips, cuts, stretches or replaces the bytes of a few rows.
fn damage(rows: &mut MemoryRows, random: &SimRandom) {
    let all: Vec<_> = rows
        .scan(Bound::Unbounded, Bound::Unbounded)
        .map(|row| row.expect("rows in memory can be read"))
        .collect();
    let mut batch = Batch::default();
    for _ in 0..4 {
        let Some((mut key, mut value)) = all.get(draw(random, all.len())).cloned() else { return };
        let at = draw(random, value.len());
        match draw(random, 6) {
            0 => value.truncate(at),
            1 => value.extend_from_slice(&[0xff; 9]),
            2 => random.fill(&mut value),
            3 => {
                let at = draw(random, key.len());
                key.truncate(at);
            }
            _ => {
                if let Some(byte) = value.get_mut(at) {
                    *byte ^= 1 << draw(random, 8);
                }
            }
        }
        batch.writes.insert(key, Some(value));
    }
    rows.commit(batch);
}

/// Asks everything there is to ask; the answers do not matter.
fn ask_everything(view: &View) {
    let ask = ListAsk { delimiter: Some("/".to_owned()), limit: 1_000, ..ListAsk::default() };
    drop(view.tenants(None, 100));
    drop(view.tenant_buckets(trial::world::TENANT, None, 100));
    drop(view.access_keys(trial::world::TENANT, None, 100));
    drop(view.parts(None, 10_000));
    drop(view.releases(None, 10_000));
    drop(view.release_groups(10_000));
    drop(view.feed(Sequence::ZERO, 10_000));
    drop(view.site_map());
    drop(view.invites());
    drop(view.policies(None, 100));
    for number in 0..3 {
        let name = BucketName::new(format!("bucket-{number}")).expect("a valid name");
        let Ok(Some(bucket)) = view.bucket(&name) else { continue };
        drop(view.list_current(bucket.id, &ask, &After::Start));
        drop(view.list_versions(bucket.id, &ask, &AfterVersion::Start));
        drop(view.list_uploads(bucket.id, &ask, &AfterUpload::Start));
        for key in ["a", "a/b", "a/c", "b"] {
            let key = ObjectKey::new(key).expect("a valid key");
            for ask in [VersionAsk::Current, VersionAsk::Named(VersionName::Null)] {
                if let Ok(catalog::Found::Object(version)) = view.object(bucket.id, &key, ask) {
                    let reference = version.detail.reference;
                    drop(view.inline_body(reference));
                    drop(view.manifest_parts(reference, PartNumber::ZERO, 10_000));
                    if let Ok(Some(manifest)) = view.manifest(reference) {
                        for offset in [0, 1, 5 << 20, u64::MAX] {
                            let _ = manifest.locate(units::ByteCount::new(offset));
                        }
                        let _ = manifest.part(PartNumber::MAX);
                    }
                }
            }
        }
    }
}

#[test]
fn damaged_rows_never_panic() {
    for seed in 0..60 {
        let history = trial::history(7_000 + seed / 10, 300);
        let (before, after) = history.split_at(200);
        let mut rows = rows_of(before);
        let random = SimRandom::seeded(seed);
        for entry in after.chunks(10) {
            damage(&mut rows, &random);
            ask_everything(&View::new(Arc::new(rows.clone())));
            let applied = apply(&rows, entry).expect("rows in memory can be read");
            assert_eq!(applied.outcomes.len(), entry.len());
            rows.commit(applied.batch);
        }
    }
}

#[test]
fn damaged_log_entries_never_panic() {
    let entry = Stamped::encode_entry(&trial::history(1, 40));
    let random = SimRandom::seeded(1);
    for _ in 0..2_000 {
        let mut damaged = entry.clone();
        for _ in 0..3 {
            let at = draw(&random, damaged.len());
            random.fill(&mut damaged[at..=at]);
        }
        damaged.truncate(draw(&random, damaged.len() * 2).max(1).min(damaged.len()));
        drop(Stamped::decode_entry(&damaged));
    }
}

#[test]
fn a_trial_agrees_with_the_model() {
    trial::model_run(9_001, 20).unwrap_or_else(|error| panic!("{error}"));
}
