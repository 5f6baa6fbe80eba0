//! Which bytes of a file are where: pieces that do not overlap, by where they begin.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::name::ObjectName;

/// Where bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Written and not durable yet.
    Dirty(Bytes),
    /// In an object.
    Object(Arc<Held>),
}

/// An object of a file.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) name: ObjectName,
    /// Its length.
    pub(crate) bytes: u64,
    /// What it holds, if that is in memory still: it is small and was just written.
    pub(crate) memory: Option<Bytes>,
}

/// A run of bytes from one source.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) end: u64,
    pub(crate) source: Source,
    /// Where in the source it begins.
    pub(crate) skip: u64,
}

/// The pieces of a file; what is between them reads as zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    pieces: BTreeMap<u64, Piece>,
}

impl Spans {
    /// Puts bytes over whatever was there.
    pub(crate) fn put(&mut self, at: Range<u64>, source: Source) {
        if at.is_empty() {
            return;
        }
        self.clear(at.clone());
        self.pieces.insert(at.start, Piece { end: at.end, source, skip: 0 });
    }

    /// Replaces a piece by one of the same range.
    pub(crate) fn put_piece(&mut self, start: u64, piece: Piece) {
        self.pieces.insert(start, piece);
    }

    /// Makes a range a hole.
    pub(crate) fn clear(&mut self, at: Range<u64>) {
        let before = self.pieces.range(..at.start).next_back();
        if let Some((start, piece)) = before.filter(|(_, piece)| piece.end > at.start) {
            let (start, piece) = (*start, piece.clone());
            if piece.end > at.end {
                let skip = piece.skip + (at.end - start);
                self.pieces.insert(at.end, Piece { skip, ..piece.clone() });
            }
            self.pieces.insert(start, Piece { end: at.start, ..piece });
        }
        let inside: Vec<u64> = self.pieces.range(at.clone()).map(|(start, _)| *start).collect();
        for start in inside {
            let Some(piece) = self.pieces.remove(&start) else { continue };
            if piece.end > at.end {
                let skip = piece.skip + (at.end - start);
                self.pieces.insert(at.end, Piece { skip, ..piece });
            }
        }
    }

    /// The pieces of a range, cut to it, in order.
    pub(crate) fn of(&self, at: Range<u64>) -> Vec<(u64, Piece)> {
        let first =
            self.pieces.range(..=at.start).next_back().map_or(at.start, |(start, _)| *start);
        let mut found = Vec::new();
        for (start, piece) in self.pieces.range(first..at.end.max(first)) {
            let (from, end) = ((*start).max(at.start), piece.end.min(at.end));
            if from < end {
                let skip = piece.skip + (from - start);
                found.push((from, Piece { end, skip, source: piece.source.clone() }));
            }
        }
        found
    }

    /// All pieces in order.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = (u64, &Piece)> {
        self.pieces.iter().map(|(start, piece)| (*start, piece))
    }

    /// Where the last piece ends.
    #[cfg(test)]
    pub(crate) fn end(&self) -> u64 {
        self.pieces.values().next_back().map_or(0, |piece| piece.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(spans: &Spans, length: u64) -> Vec<u8> {
        let mut all = vec![0; usize::try_from(length).unwrap()];
        for (start, piece) in spans.of(0..length) {
            let Source::Dirty(bytes) = piece.source else { panic!("no object here") };
            let (from, to) = (usize::try_from(start).unwrap(), usize::try_from(piece.end).unwrap());
            let skip = usize::try_from(piece.skip).unwrap();
            all[from..to].copy_from_slice(&bytes[skip..skip + (to - from)]);
        }
        all
    }

    proptest! {
        #[test]
        fn they_are_what_a_plain_file_is(
            writes in proptest::collection::vec((0_usize..64, 0_usize..32, any::<bool>()), 1..24),
        ) {
            let mut spans = Spans::default();
            let mut plain = vec![0_u8; 128];
            for (number, (at, length, put)) in writes.iter().enumerate() {
                let range = *at as u64..(*at + *length) as u64;
                let value = if *put { u8::try_from(number + 1).unwrap() } else { 0 };
                plain[*at..*at + *length].fill(value);
                if *put {
                    spans.put(range, Source::Dirty(Bytes::from(vec![value; *length])));
                } else {
                    spans.clear(range);
                }
                prop_assert_eq!(bytes_of(&spans, 128), plain.clone());
                prop_assert!(spans.end() <= 128);
                let parts = spans.of(10..40);
                let is_cut = parts.iter().all(|(at, piece)| *at >= 10 && piece.end <= 40);
                prop_assert!(is_cut);
            }
        }
    }
}
