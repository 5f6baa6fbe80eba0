//! The catalog under trial: rows in memory, and a clock.

use std::sync::Arc;

use catalog::command::BucketRef;
use catalog::{BucketName, Command, MemoryRows, Outcome, Stamped, View, apply};
use units::{BucketId, TenantId, Timestamp};

pub const TENANT: TenantId = TenantId::from_u128(7);

/// Rows and a clock.
pub struct World {
    pub rows: Arc<MemoryRows>,
    pub now: Timestamp,
}

impl World {
    pub fn new() -> Self {
        Self { rows: Arc::default(), now: Timestamp::from_seconds(1_000_000) }
    }

    /// Applies one log entry.
    pub fn entry(&mut self, commands: Vec<Command>) -> Vec<Outcome> {
        let at = self.now;
        let stamped: Vec<Stamped> =
            commands.into_iter().map(|command| Stamped { at, command }).collect();
        let applied = apply(&*self.rows, &stamped).expect("rows in memory can be read");
        Arc::make_mut(&mut self.rows).commit(applied.batch);
        applied.outcomes
    }

    /// Applies one command.
    pub fn one(&mut self, command: Command) -> Outcome {
        self.entry(vec![command]).remove(0)
    }

    pub fn view(&self) -> View {
        View::new(self.rows.clone())
    }
}

/// The names of the buckets of the trials by number, with the id of the first of
/// each name.
pub fn bucket(number: u128) -> BucketRef {
    let name = BucketName::new(format!("bucket-{number}")).expect("a valid name");
    BucketRef { name, id: BucketId::from_u128(0xb000 + number) }
}
