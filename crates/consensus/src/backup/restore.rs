//! Makes a catalog from a backup: an engine and a log that continues it.

use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use catalog::{Batch, Job, Rows};
use disk::Disk;
use kv::Engine;
use openraft::Membership;
use units::{ByteCount, LogIndex, NodeId, Random};

use crate::applied::{self, AppliedState};
use crate::backup::header::Header;
use crate::backup::reader::{Totals, read_backup};
use crate::backup::{BackupReport, RestoreError};
use crate::limits::BACKUP_BLOCK_BYTES;
use crate::log::record::Ballot;
use crate::log::{LogOptions, SegmentLog};
use crate::member::{Member, Seat};
use crate::types::StoredMembership;

/// Where a backup is restored to: an engine without rows and a disk without a log.
pub struct RestoreParts {
    /// The disk of the log.
    pub disk: Arc<dyn Disk>,
    /// The log's directory on it.
    pub directory: String,
    /// The new engine.
    pub engine: Arc<dyn Engine>,
    /// Where the salts of the log come from: no client may be able to foretell it.
    pub random: Arc<dyn Random>,
    /// The node that will be the only voter.
    pub node: NodeId,
}

/// Verifies the whole backup, then restores it. The cluster is the backup's own,
/// and this node its only voter. A crash in between is told at the next start.
pub fn restore<S: Read + Seek>(
    parts: &RestoreParts,
    backup: &mut S,
) -> Result<BackupReport, RestoreError> {
    if SegmentLog::exists(&*parts.disk, &parts.directory)? || has_rows(&*parts.engine.view())? {
        return Err(RestoreError::NotEmpty);
    }
    let (header, totals) = read_backup(backup, |_, _| Ok(()))?;
    backup.seek(SeekFrom::Start(0)).map_err(RestoreError::Read)?;

    let seats = BTreeMap::from([(Member::new(parts.node), Seat::default())]);
    let voters = vec![BTreeSet::from([Member::new(parts.node)])];
    let membership = StoredMembership::new(header.last, Membership::new(voters, seats));
    let state = AppliedState {
        last: header.last,
        membership,
        installed: header.last,
        stamped: header.stamped,
    };
    // What the backup does not know may be wanted nevertheless: the rows say that they
    // are older than what may be on the disks.
    let mut mark = Batch::default();
    Job::mark_restored(&mut mark, header.made);
    // The cluster is this node from now on, under an identity of its own: it says so at
    // its next start, and other sites join anew.
    load_with(&*parts.engine, backup, &state, mark, |key| !catalog::table::is_site_map(key))?;

    let (disk, random) = (Arc::clone(&parts.disk), Arc::clone(&parts.random));
    let options = LogOptions::default();
    let mut log = SegmentLog::open(disk, &parts.directory, header.cluster, options, random)?;
    if let Some(last) = header.last {
        log.purge(last)?;
        // This node may be another than the one that wrote the last entry, and ids
        // order votes of one term: only the next term is surely behind that entry.
        log.vote_save(Ballot::new(last.leader_id.term, Member::new(parts.node)))?;
    }
    log.close()?;
    Ok(report(&header, totals))
}

/// Reads a whole backup and says what it is, or what is wrong with it; changes nothing.
/// Shows each row, its key and its value: they are those of a backup only if the answer
/// says so.
pub fn backup_verify<S: Read>(
    backup: &mut S,
    mut each_row: impl FnMut(&[u8], &[u8]),
) -> Result<BackupReport, RestoreError> {
    let shown = |key: &[u8], value: &[u8]| {
        each_row(key, value);
        Ok(())
    };
    let (header, totals) = read_backup(backup, shown)?;
    Ok(report(&header, totals))
}

/// What a backup says of itself, after all of it was verified.
pub(crate) fn report(header: &Header, totals: Totals) -> BackupReport {
    BackupReport {
        cluster: header.cluster,
        made: header.made,
        last: LogIndex::new(header.last.map_or(0, |id| id.index)),
        rows: totals.rows,
        bytes: ByteCount::new(totals.bytes),
    }
}

fn has_rows(rows: &dyn Rows) -> Result<bool, RestoreError> {
    let mut found = rows.scan(Bound::Unbounded, Bound::Excluded(&[kv::RESERVED_PREFIX]));
    match found.next() {
        Some(row) => row.map(|_| true).map_err(RestoreError::Rows),
        None => Ok(false),
    }
}

/// Replaces all rows by those of a backup that was verified, and the applied
/// state with them. What is found after a crash in between carries a mark.
pub(crate) fn load(
    engine: &dyn Engine,
    backup: &mut dyn Read,
    state: &AppliedState,
) -> Result<(), RestoreError> {
    load_with(engine, backup, state, Batch::default(), |_| true)
}

/// The same, with some rows besides, and of the backup's those that are wanted.
fn load_with(
    engine: &dyn Engine,
    backup: &mut dyn Read,
    state: &AppliedState,
    besides: Batch,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> Result<(), RestoreError> {
    let mut batch = Batch::default();
    applied::mark_restoring(&mut batch, true);
    engine.commit(&batch)?;
    engine.persist()?;
    clear(engine)?;
    let mut batch = Batch::default();
    let mut bytes = 0;
    read_backup(backup, |key, value| {
        if !is_wanted(key) {
            return Ok(());
        }
        bytes += key.len() + value.len();
        batch.writes.insert(key.to_vec(), Some(value.to_vec()));
        if bytes >= BACKUP_BLOCK_BYTES {
            bytes = 0;
            engine.commit(&core::mem::take(&mut batch))?;
        }
        Ok(())
    })?;
    engine.commit(&batch)?;
    // The rows first, all of them, then the row that makes them a catalog.
    engine.persist()?;
    let mut batch = besides;
    applied::mark_restoring(&mut batch, false);
    state.put(&mut batch).map_err(|_| RestoreError::Damaged {
        offset: 0,
        reason: "the membership cannot be written",
    })?;
    engine.commit(&batch)?;
    Ok(engine.persist()?)
}

/// Removes every row that is not reserved, a batch at a time.
fn clear(engine: &dyn Engine) -> Result<(), RestoreError> {
    loop {
        let view = engine.view();
        let mut batch = Batch::default();
        for row in view.scan(Bound::Unbounded, Bound::Excluded(&[kv::RESERVED_PREFIX])).take(4096) {
            batch.writes.insert(row?.0, None);
        }
        if batch.writes.is_empty() {
            return Ok(());
        }
        engine.commit(&batch)?;
    }
}
