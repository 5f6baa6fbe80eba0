//! Job: where long background work stands, so that it goes on after a restart.
//!
//! ```text
//! 1 | updated | state
//! ```

use serde::{Deserialize, Serialize};
use units::{TenantId, Timestamp};

use super::Record;
use crate::name::{JobName, SealedBytes};
use crate::rows::Batch;
use crate::table;

/// A job's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// When it last said something.
    pub updated: Timestamp,
    /// Its cursor and counters, in a form of its own.
    pub state: SealedBytes,
}

/// What every name of a job begins with that is to destroy a tenant's key.
const SHRED: &str = "shred.tenant.";

impl Job {
    /// The job that stands in a catalog that was put back from a backup, until an
    /// operator has said that what the backup does not know is not wanted any more.
    pub fn restored() -> JobName {
        JobName::stored("restored".to_owned())
    }

    /// Marks rows as put back from a backup taken then.
    pub fn mark_restored(batch: &mut Batch, taken: Timestamp) {
        let job = Self { updated: taken, state: SealedBytes::default() };
        batch.writes.insert(table::job(&Self::restored()), Some(job.encode()));
    }

    /// The job of noting the buckets of parts that were written before parts said whose
    /// they are. Its row, once it has ended, says that no bucket is missing any more.
    pub fn part_buckets() -> JobName {
        JobName::stored("part-buckets".to_owned())
    }

    /// The job of moving what drifts.
    pub fn moves() -> JobName {
        JobName::stored("moves".to_owned())
    }

    /// The job of putting one site in the place of another.
    pub fn site_replacement() -> JobName {
        JobName::stored("site-replacement".to_owned())
    }

    /// The job of destroying a tenant's key. It is made by the command that erases or
    /// deletes the tenant, so that a crash before the key is destroyed only delays it;
    /// whoever has destroyed it removes the job.
    pub fn shred_of(tenant: TenantId) -> JobName {
        JobName::stored(format!("{SHRED}{tenant}"))
    }

    /// Whose key this job is to destroy, if that is what it is.
    pub fn shreds(name: &JobName) -> Option<TenantId> {
        name.as_str().strip_prefix(SHRED)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shred_is_told_from_other_jobs() {
        let tenant = TenantId::from_u128(7);
        let name = Job::shred_of(tenant);
        assert_eq!(JobName::new(name.as_str()).as_ref(), Ok(&name), "a name like any other");
        assert_eq!(Job::shreds(&name), Some(tenant));
        let other = JobName::new("key-rotation.root").expect("a plain name");
        assert_eq!(Job::shreds(&other), None);
        assert!(JobName::new(Job::restored().as_str()).is_ok());
    }
}
