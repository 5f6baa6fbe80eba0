//! Whether there is room for a command: refuses early, so that the log and the
//! engine, which a full disk would stop, never meet one.
//!
//! Commands that free room are let through further down than others, so that a
//! full disk can be emptied; so are moves of slots, without which a lost disk would not
//! be rebuilt; and so is what brings another site in or has one leave, for that is how
//! an operator makes room.
//!
//! A voter that does not lead takes what its leader let through, down to half of where the
//! last commands are refused. The rest is for the checkpoint that gives room back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catalog::Command;
use catalog::command::{PartChange, PartStep, PlacedCommand};
use disk::{Disk, Space};
use parking_lot::Mutex;
use units::{ByteCount, Clock};

use crate::error::CatalogFull;
use crate::limits;

/// The gate in front of the queue.
pub(crate) struct Admission {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    reading: Mutex<Option<(Duration, Space)>>,
    /// Whether the log says that ordinary commands are refused.
    reserve_told: AtomicBool,
    /// Whether it says that those are which are let through further.
    floor_told: AtomicBool,
}

impl Admission {
    pub(crate) fn new(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Self {
        Self {
            disk,
            clock,
            reading: Mutex::new(None),
            reserve_told: AtomicBool::new(false),
            floor_told: AtomicBool::new(false),
        }
    }

    /// Refuses the command if there is no room for it.
    pub(crate) fn check(&self, command: &Command) -> Result<(), CatalogFull> {
        // A file system that does not say is not held against the command.
        let Some(space) = self.space() else { return Ok(()) };
        let full = refusal(command, space);
        let refused = full.free < full.needed;
        // Once for all requests, until there is room for such a command again.
        let told = if is_let_through(command) { &self.floor_told } else { &self.reserve_told };
        if told.swap(refused, Ordering::Relaxed) != refused {
            if refused {
                tracing::warn!(error = %full, "commands are refused until there is room");
            } else {
                tracing::info!("there is room for commands again");
            }
        }
        if refused { Err(full) } else { Ok(()) }
    }

    /// What a command is told that is refused since log or engine wait for room already.
    pub(crate) fn full(&self, command: &Command) -> CatalogFull {
        let unknown = Space { total: ByteCount::ZERO, free: ByteCount::ZERO };
        refusal(command, self.space().unwrap_or(unknown))
    }

    /// Whether ordinary commands are refused for want of room.
    pub(crate) fn is_full(&self) -> bool {
        self.check(&Command::Nothing).is_err()
    }

    /// How many of the entries of a leader, of these lengths, there is room for, beside so
    /// many bytes that wait in the log to be applied. They are taken: until the file system
    /// says anew what is left, it is less by them.
    pub(crate) fn fitting(&self, lengths: &[u64], unapplied: u64) -> usize {
        let Some(space) = self.space() else { return lengths.len() };
        let free = ByteCount::new(space.free.get().saturating_sub(unapplied));
        let (count, taken) = fitting(Space { free, ..space }, lengths);
        if let Some((_, space)) = &mut *self.reading.lock() {
            space.free = ByteCount::new(space.free.get().saturating_sub(taken));
        }
        count
    }

    /// What is left, if the file system says so.
    pub(crate) fn room(&self) -> Option<ByteCount> {
        self.space().map(|space| space.free)
    }

    /// Whether there is room enough for an engine that met a full disk to go on:
    /// as much as commands that free room may use. Looks for itself.
    pub(crate) fn has_room_for_engine(&self) -> bool {
        let Ok(space) = self.disk.space() else { return true };
        space.free.get() >= floor(space.total)
    }

    fn space(&self) -> Option<Space> {
        let now = self.clock.elapsed();
        let mut reading = self.reading.lock();
        if let Some((read, space)) = *reading
            && now.saturating_sub(read) < limits::SPACE_READING_AGE_MAX
        {
            return Some(space);
        }
        // One that does not answer is not thereby less full than it was.
        let Ok(space) = self.disk.space() else { return reading.map(|(_, space)| space) };
        *reading = Some((now, space));
        Some(space)
    }
}

/// Free bytes below which every command is refused.
fn floor(total: ByteCount) -> u64 {
    limits::ROOM_FLOOR_BYTES.min(total.get() / 32)
}

/// How many entries of these lengths leave what a checkpoint needs, and what they take.
fn fitting(space: Space, lengths: &[u64]) -> (usize, u64) {
    let left = space.free.get().saturating_sub(floor(space.total) / 2);
    let (mut count, mut taken) = (0, 0_u64);
    for length in lengths {
        let more = taken.saturating_add(length.saturating_mul(limits::ENTRY_COPIES));
        if more > left {
            break;
        }
        (count, taken) = (count + 1, more);
    }
    (count, taken)
}

/// What is free, and what must be for such a command.
fn refusal(command: &Command, space: Space) -> CatalogFull {
    let total = space.total.get();
    let needed = if is_let_through(command) {
        floor(space.total)
    } else {
        limits::ROOM_RESERVE_BYTES.min(total / 8)
    };
    CatalogFull { free: space.free, needed: ByteCount::new(needed) }
}

/// Whether only the floor stops the command: carrying it out makes room, at once or
/// later, or restores redundancy and takes none, as a row that names another disk.
fn is_let_through(command: &Command) -> bool {
    if let Command::Placed(placed) = command {
        return matches!(
            &placed.command,
            PlacedCommand::PartSlotMove(_)
                | PlacedCommand::PartStep(PartStep { change: PartChange::Move { .. }, .. })
        );
    }
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
            | Command::PartSlotMove(_)
            | Command::FeedTrim { .. }
            | Command::TenantShredded(_)
            | Command::BucketClear(_)
            | Command::InviteCreate(_)
            | Command::InviteRevoke(_)
            | Command::NodeJoin(_)
            | Command::NodeSet(_)
            | Command::SiteDrain(_)
            | Command::SiteRemove(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voter_takes_entries_until_only_a_checkpoint_has_room() {
        let mib = |count: u64| ByteCount::new(count << 20);
        let space = |free| Space { total: mib(64), free };
        let lengths = [512 << 10; 4];
        let fits = |free| fitting(space(free), &lengths);
        assert_eq!(fits(mib(40)), (4, 4 << 20));
        assert_eq!(fits(mib(3)), (2, 2 << 20), "one is kept, each takes one");
        assert_eq!(fits(mib(1)), (0, 0));
        assert_eq!(fits(mib(0)), (0, 0));
        let there = fitting(space(mib(0)), &[0, 0, 1]);
        assert_eq!(there, (2, 0), "what is there already takes no room");
    }
}
