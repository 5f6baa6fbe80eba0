//! Whether there is room for a command: refuses early, so that the log and the
//! engine, which a full disk would stop, never meet one.
//!
//! Commands that free room are let through further down than others, so that a
//! full disk can be emptied.

use std::sync::Arc;
use std::time::Duration;

use catalog::Command;
use disk::{Disk, Space};
use parking_lot::Mutex;
use units::Clock;

use crate::error::ProposeError;
use crate::limits;

/// The gate in front of the queue.
pub(crate) struct Admission {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    reading: Mutex<Option<(Duration, Space)>>,
}

impl Admission {
    pub(crate) fn new(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Self {
        Self { disk, clock, reading: Mutex::new(None) }
    }

    /// Refuses the command if there is no room for it.
    pub(crate) fn check(&self, command: &Command) -> Result<(), ProposeError> {
        if self.has_room_for(command) { Ok(()) } else { Err(ProposeError::Full) }
    }

    fn has_room_for(&self, command: &Command) -> bool {
        // A file system that does not say is not held against the command.
        let Some(space) = self.space() else { return true };
        let (total, free) = (space.total.get(), space.free.get());
        let needed = if frees_room(command) {
            limits::ROOM_FLOOR_BYTES.min(total / 32)
        } else {
            limits::ROOM_RESERVE_BYTES.min(total / 8)
        };
        free >= needed
    }

    /// Whether ordinary commands are refused for want of room.
    pub(crate) fn is_full(&self) -> bool {
        !self.has_room_for(&Command::Nothing)
    }

    /// Whether there is room enough for an engine that met a full disk to go on:
    /// as much as commands that free room may use. Looks for itself.
    pub(crate) fn has_room_for_engine(&self) -> bool {
        let Ok(space) = self.disk.space() else { return true };
        space.free.get() >= limits::ROOM_FLOOR_BYTES.min(space.total.get() / 32)
    }

    fn space(&self) -> Option<Space> {
        let now = self.clock.elapsed();
        let mut reading = self.reading.lock();
        if let Some((read, space)) = *reading
            && now.saturating_sub(read) < limits::SPACE_READING_AGE_MAX
        {
            return Some(space);
        }
        let space = self.disk.space().ok()?;
        *reading = Some((now, space));
        Some(space)
    }
}

/// Whether carrying the command out makes room, at once or later.
fn frees_room(command: &Command) -> bool {
    matches!(
        command,
        Command::TenantSuspend(_)
            | Command::TenantDelete(_)
            | Command::TenantErase(_)
            | Command::UserDelete(_)
            | Command::KeyRevoke(_)
            | Command::BucketDelete(_)
            | Command::ObjectDelete(_)
            | Command::ObjectsDelete(_)
            | Command::UploadAbort(_)
            | Command::ReleaseAdvance { .. }
            | Command::PartCondemn { .. }
            | Command::PartForget { .. }
            | Command::FeedTrim { .. }
    )
}
