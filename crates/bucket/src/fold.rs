//! Folding: small objects that lie behind each other become one.
//!
//! What a group commit wrote is one object, and under a light load that is small. A start
//! lists all objects, and compaction deletes each; so those that are small are written once
//! more, together, while they are still in memory.
//!
//! **Invariant**: the folded object has the sequence of the newest in it: what was written
//! over one of them since, or is written meanwhile, counts as newer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use units::planted;

use crate::file::{BucketFile, State, joined};
use crate::limits::{EXTENT_BYTES_MAX, FOLD_BYTES, FOLD_COUNT, FOLD_REST_COUNT};
use crate::name::{Kind, ObjectName};
use crate::remote::Found;
use crate::spans::{Held, Source};
use crate::sweeper::Sweep;

/// By how much a folded object counts as newer, with a bug planted.
const AHEAD: u64 = 1_000;

/// A run of small objects.
#[derive(Debug, Default)]
struct Fold {
    start: u64,
    end: u64,
    held: Vec<Arc<Held>>,
}

/// Begins to fold the small objects of a file if there are enough of them.
pub(crate) fn fold_if_worth_it(file: &BucketFile) {
    if let Some(fold) = choose(file, FOLD_COUNT) {
        begin(file, fold);
    }
}

/// The same when no more will come.
pub(crate) fn fold_rest(file: &BucketFile) {
    if let Some(fold) = choose(file, FOLD_REST_COUNT) {
        begin(file, fold);
    }
}

fn begin(file: &BucketFile, fold: Fold) {
    let newest = fold.held.iter().map(|held| held.name.sequence).max().unwrap_or(0);
    let ahead = if planted::is_on("bucket-folds-blindly") { AHEAD } else { 0 };
    let sequence = newest + ahead;
    let name = ObjectName { sequence, kind: Kind::Folded, offset: fold.start };
    let bytes: Vec<Bytes> = fold.held.iter().filter_map(|held| held.memory.clone()).collect();
    let length = fold.end - fold.start;
    assert_eq!(joined(&bytes).len() as u64, length, "what is folded is all in memory");
    let (inner, path) = (Arc::clone(&file.inner), file.path_of(name));
    let Some(file) = inner.file(&file.name) else { return };
    inner.remote.clone().spawn(async move {
        let put = inner.remote.put(path.clone(), bytes).await;
        let mut state = file.state.lock();
        state.is_folding = false;
        if put.is_err() {
            return;
        }
        inner.used.fetch_add(length, Ordering::SeqCst);
        let held = |held: &Arc<Held>| Found { path: file.path_of(held.name), bytes: held.bytes };
        // Pieces that were written over meanwhile stay as they are.
        let mut all_there = !state.is_gone;
        let pieces = state.spans.of(fold.start..fold.end);
        all_there &= pieces.len() == fold.held.len();
        for ((_, piece), expected) in pieces.iter().zip(&fold.held) {
            all_there &=
                matches!(&piece.source, Source::Object(held) if held.name == expected.name);
        }
        let stale = if all_there {
            let folded = Held { name, bytes: length, memory: None };
            state.spans.put(fold.start..fold.end, Source::Object(Arc::new(folded)));
            fold.held.iter().map(held).collect()
        } else {
            vec![Found { path, bytes: length }]
        };
        drop(state);
        inner.sweeper.sweep(Sweep { stale, ends: Vec::new() });
    });
}

/// The first run of small objects that is worth it. The last object of a file is left out:
/// it may be written again.
fn choose(file: &BucketFile, least: usize) -> Option<Fold> {
    let mut state = file.state.lock();
    let fold = run_of(&state, least)?;
    state.is_folding = true;
    Some(fold)
}

fn run_of(state: &State, least: usize) -> Option<Fold> {
    if state.is_folding || state.is_gone {
        return None;
    }
    let last = state.spans.all().next_back().map(|(start, _)| start)?;
    let mut fold = Fold::default();
    for (start, piece) in state.spans.all() {
        let whole = match &piece.source {
            Source::Object(held) if start != last => {
                let is_whole = piece.skip == 0 && piece.end - start == held.bytes;
                Some(held).filter(|held| is_whole && held.memory.is_some())
            }
            _ => None,
        };
        let goes_on = fold.held.is_empty() || fold.end == start;
        match whole {
            Some(held) if goes_on => {
                if fold.held.is_empty() {
                    fold.start = start;
                }
                fold.end = piece.end;
                fold.held.push(Arc::clone(held));
            }
            Some(held) => {
                fold = Fold { start, end: piece.end, held: vec![Arc::clone(held)] };
            }
            None => fold = Fold::default(),
        }
        let bytes = fold.end - fold.start;
        if fold.held.len() >= least || bytes >= FOLD_BYTES as u64 {
            assert!(bytes <= EXTENT_BYTES_MAX as u64, "small ones make no large one");
            return Some(fold);
        }
    }
    None
}
