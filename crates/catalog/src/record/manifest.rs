//! Manifest: which parts make up a multipart object, without reading them all.
//!
//! ```text
//! 1 | bucket 16 | key | version | total bytes | runs of (first number, count, bytes each)
//! ```
//! One such row per multipart version, found by its reference at part number 0;
//! the parts follow it as [`super::PartReference`] rows, one per part number.
//! Since parts but the last are usually of one size, ten thousand of them are
//! two runs, and finding the part of an offset reads one row.
//! A second completion of the same upload finds its answer through it.

use serde::{Deserialize, Serialize};
use units::{BucketId, ByteCount, PartNumber};

use crate::name::{ObjectKey, VersionId};

/// Consecutive part numbers with parts of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRun {
    /// The first number.
    pub first: PartNumber,
    /// How many.
    pub count: u16,
    /// Plaintext bytes of each.
    pub part_bytes: ByteCount,
}

/// A manifest's head row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The bucket of the version.
    pub bucket: BucketId,
    /// Its key.
    pub key: ObjectKey,
    /// The version.
    pub version: VersionId,
    /// The runs, in order.
    pub runs: Vec<ManifestRun>,
}

impl Manifest {
    /// The runs of these part numbers and sizes.
    pub fn runs_of(parts: impl IntoIterator<Item = (PartNumber, ByteCount)>) -> Vec<ManifestRun> {
        let mut runs: Vec<ManifestRun> = Vec::new();
        for (number, part_bytes) in parts {
            match runs.last_mut() {
                Some(run)
                    if run.part_bytes == part_bytes
                        && u32::from(run.first.get()) + u32::from(run.count)
                            == u32::from(number.get()) =>
                {
                    run.count = run.count.saturating_add(1);
                }
                _ => runs.push(ManifestRun { first: number, count: 1, part_bytes }),
            }
        }
        runs
    }

    /// Each part's number, offset and size, in order.
    pub fn parts(&self) -> impl Iterator<Item = (PartNumber, ByteCount, ByteCount)> + '_ {
        let mut offset = ByteCount::ZERO;
        self.runs.iter().flat_map(|run| (0..run.count).map(move |step| (run, step))).map(
            move |(run, step)| {
                let start = offset;
                offset = offset.plus(run.part_bytes);
                (PartNumber::new(run.first.get().saturating_add(step)), start, run.part_bytes)
            },
        )
    }

    /// The part that holds this offset, and where the part starts; `None` past the end.
    pub fn locate(&self, offset: ByteCount) -> Option<(PartNumber, ByteCount, ByteCount)> {
        let mut start = 0_u64;
        for run in &self.runs {
            let each = run.part_bytes.get();
            let end = start.saturating_add(each.saturating_mul(u64::from(run.count)));
            if offset.get() < end && each > 0 {
                let step = (offset.get() - start) / each;
                let number = u64::from(run.first.get()).saturating_add(step);
                let number = PartNumber::new(u16::try_from(number).unwrap_or(u16::MAX));
                let part_start = ByteCount::new(start.saturating_add(step.saturating_mul(each)));
                return Some((number, part_start, run.part_bytes));
            }
            start = end;
        }
        None
    }

    /// Offset and size of the part with this number.
    pub fn part(&self, number: PartNumber) -> Option<(ByteCount, ByteCount)> {
        let mut start = 0_u64;
        for run in &self.runs {
            let each = run.part_bytes.get();
            let step = number.get().checked_sub(run.first.get());
            if let Some(step) = step.filter(|step| *step < run.count) {
                let offset = start.saturating_add(each.saturating_mul(u64::from(step)));
                return Some((ByteCount::new(offset), run.part_bytes));
            }
            start = start.saturating_add(each.saturating_mul(u64::from(run.count)));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(parts: &[(u16, u64)]) -> Manifest {
        let parts = parts.iter().map(|(n, s)| (PartNumber::new(*n), ByteCount::new(*s)));
        Manifest {
            bucket: BucketId::from_u128(1),
            key: ObjectKey::stored("k".to_owned()),
            version: VersionId::new(1, 1),
            runs: Manifest::runs_of(parts),
        }
    }

    #[test]
    fn equal_parts_are_one_run_and_every_offset_is_found() {
        let manifest = manifest(&[(1, 5), (2, 5), (4, 5), (5, 2)]);
        assert_eq!(manifest.runs.len(), 3);
        let parts: Vec<_> = manifest.parts().map(|(n, o, s)| (n.get(), o.get(), s.get())).collect();
        assert_eq!(parts, [(1, 0, 5), (2, 5, 5), (4, 10, 5), (5, 15, 2)]);
        for (number, start, size) in manifest.parts() {
            for offset in start.get()..start.plus(size).get() {
                assert_eq!(manifest.locate(ByteCount::new(offset)), Some((number, start, size)));
            }
            assert_eq!(manifest.part(number), Some((start, size)));
        }
        assert_eq!(manifest.locate(ByteCount::new(17)), None);
        assert_eq!(manifest.part(PartNumber::new(3)), None);
    }
}
