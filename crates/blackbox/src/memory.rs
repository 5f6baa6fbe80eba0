//! What the memory of a running process holds: every readable region of it, looked
//! through for bytes, as whoever takes a dump of it would.
//!
//! Read over `/proc`, by the owner of the process or the superuser.

use std::fs::{self, File};
use std::io::BufRead as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result, ensure};

/// Read at once. What was never touched reads as zeros, and is passed over piece by piece.
const PIECE_BYTES: usize = 64 * 1024;

/// What was found in a process.
#[derive(Clone, Debug)]
pub struct MemoryFound {
    /// Bytes that were looked through; pieces that hold zeros alone are not counted.
    pub bytes: u64,
    /// How often each of what was searched for is there.
    pub hits: Vec<usize>,
}

/// Searches the readable memory of a process for each of these.
pub fn memory_search(process_id: u32, needles: &[&[u8]]) -> Result<MemoryFound> {
    ensure!(needles.iter().all(|needle| !needle.is_empty()), "nothing to search for");
    let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or_default();
    let file = File::open(format!("/proc/{process_id}/mem")).context("the process's memory")?;
    let mut found = MemoryFound { bytes: 0, hits: vec![0; needles.len()] };
    let (zeros, mut piece) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    for region in regions(process_id)? {
        // The end of the piece before, for what lies across the border.
        let mut kept = Vec::new();
        let mut at = region.start;
        while at < region.end {
            let length = usize::try_from(region.end - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let room = piece.get_mut(..length).unwrap_or_default();
            at += length as u64;
            // A region that is gone meanwhile, or that the kernel keeps for itself.
            if file.read_exact_at(room, at - length as u64).is_err() {
                kept.clear();
                continue;
            }
            if zeros.starts_with(room) {
                kept.clear();
                continue;
            }
            found.bytes += length as u64;
            let before = kept.len();
            kept.extend_from_slice(room);
            for (needle, hits) in needles.iter().zip(&mut found.hits) {
                *hits += count(&kept, needle, before);
            }
            let over = kept.len().saturating_sub(longest - 1);
            kept.drain(..over);
        }
    }
    Ok(found)
}

/// How often this is there, but for where it ends within the first bytes, which were
/// looked through before.
fn count(haystack: &[u8], needle: &[u8], before: usize) -> usize {
    let (mut at, mut hits) = (0, 0);
    let first = needle.first().copied().unwrap_or_default();
    while let Some(next) = haystack.get(at..).and_then(|rest| position(rest, first)) {
        at += next;
        let is_there = haystack.get(at..).is_some_and(|rest| rest.starts_with(needle));
        hits += usize::from(is_there && at + needle.len() > before);
        at += 1;
    }
    hits
}

/// Where a byte is first; by the standard library's fast search, since there is a lot
/// to look through without optimisation.
fn position(haystack: &[u8], byte: u8) -> Option<usize> {
    let mut rest = haystack;
    let read = rest.skip_until(byte).ok()?.checked_sub(1)?;
    (haystack.get(read) == Some(&byte)).then_some(read)
}

/// The regions of a process's memory that can be read.
fn regions(process_id: u32) -> Result<Vec<Range<u64>>> {
    let maps = fs::read_to_string(format!("/proc/{process_id}/maps"))?;
    let mut regions = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = words.next().zip(words.next()).context("a line of maps")?;
        let (start, end) = range.split_once('-').context("a range of maps")?;
        if rights.starts_with('r') {
            regions.push(u64::from_str_radix(start, 16)?..u64::from_str_radix(end, 16)?);
        }
    }
    Ok(regions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_counted_once() {
        let check = |haystack: &[u8], before, expected| {
            assert_eq!(count(haystack, b"aab", before), expected, "{haystack:?} {before}");
        };
        check(b"aab", 0, 1);
        check(b"aaab-aab", 0, 2);
        check(b"aa", 0, 0);
        check(b"", 0, 0);
        check(b"aab-aab", 3, 1);
        check(b"aab", 2, 1);
        check(b"xxaa", 0, 0);
    }
}
