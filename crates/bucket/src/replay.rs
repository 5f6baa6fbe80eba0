//! From a listing to files: what each is follows from its objects in the order of their
//! sequences.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::path::Path;

use crate::name::{Kind, ObjectName};
use crate::remote::Found;
use crate::spans::{Held, Source, Spans};

/// What a listing comes to.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) files: BTreeMap<String, FileFound>,
    /// Objects that say nothing any more.
    pub(crate) stale: Vec<Found>,
    /// Ends of files, to be deleted behind everything else.
    pub(crate) ends: Vec<Found>,
    /// The highest sequence.
    pub(crate) highest: u64,
    /// What all objects take that are not stale.
    pub(crate) bytes: u64,
}

/// A file that is there.
#[derive(Debug, Default)]
pub(crate) struct FileFound {
    pub(crate) spans: Spans,
    pub(crate) length: u64,
    /// Objects without bytes that are of it: they go when it does.
    pub(crate) empty: Vec<ObjectName>,
}

/// Reads a listing.
pub(crate) fn replay(prefix: &Path, listed: Vec<Found>) -> Replayed {
    let mut replayed = Replayed::default();
    let mut of: BTreeMap<String, Vec<(ObjectName, Found)>> = BTreeMap::new();
    for found in listed {
        if let Some((file, name)) = ObjectName::parse(prefix, &found.path) {
            replayed.highest = replayed.highest.max(name.sequence);
            of.entry(file).or_default().push((name, found));
        }
    }
    for (file, mut objects) in of {
        objects.sort_by_key(|(name, _)| (name.sequence, name.kind));
        let mut found = None;
        let mut ends = Vec::new();
        for (name, object) in &objects {
            if name.kind == Kind::Gone {
                ends.push(object.clone());
                found = None;
                continue;
            }
            let file: &mut FileFound = found.get_or_insert_default();
            file.apply(*name, object.bytes);
        }
        let Some(found) = found else {
            replayed.ends.extend(ends);
            let rest = objects.into_iter().filter(|(name, _)| name.kind != Kind::Gone);
            replayed.stale.extend(rest.map(|(_, object)| object));
            continue;
        };
        // An end before the file that is there now has nothing left to say but to what it
        // ended, which goes first; so it stays until the next start finds it alone.
        let mut alive: Vec<ObjectName> = Vec::new();
        for (_, piece) in found.spans.all() {
            if let Source::Object(held) = &piece.source {
                alive.push(held.name);
            }
        }
        alive.sort_unstable();
        let first = objects.iter().rposition(|(name, _)| name.kind == Kind::Gone);
        for (at, (name, object)) in objects.into_iter().enumerate() {
            let is_needed = match name.kind {
                Kind::Gone => true,
                // A cut goes with its file: what it cuts may still be there.
                Kind::Cut => first.is_none_or(|first| at > first),
                Kind::Whole if object.bytes == 0 => first.is_none_or(|first| at > first),
                _ => alive.binary_search(&name).is_ok(),
            };
            if is_needed {
                replayed.bytes = replayed.bytes.saturating_add(object.bytes);
            } else {
                replayed.stale.push(object);
            }
        }
        replayed.files.insert(file, found);
    }
    replayed
}

impl FileFound {
    fn apply(&mut self, name: ObjectName, bytes: u64) {
        if bytes == 0 {
            self.empty.push(name);
        }
        let held = || Source::Object(Arc::new(Held { name, bytes, memory: None }));
        match name.kind {
            Kind::Extent | Kind::Folded => {
                let end = name.offset.saturating_add(bytes);
                self.spans.put(name.offset..end, held());
                self.length = self.length.max(end);
            }
            Kind::Whole => {
                self.spans = Spans::default();
                self.spans.put(0..bytes, held());
                self.length = bytes;
            }
            Kind::Cut => {
                self.spans.clear(name.offset..u64::MAX);
                self.length = name.offset;
            }
            Kind::Gone => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(objects: &[(u64, Kind, u64, u64)]) -> Vec<Found> {
        let prefix = Path::from("p");
        let found = |(sequence, kind, offset, bytes): &(u64, Kind, u64, u64)| Found {
            path: ObjectName { sequence: *sequence, kind: *kind, offset: *offset }
                .path(&prefix, "a/b"),
            bytes: *bytes,
        };
        objects.iter().map(found).collect()
    }

    /// Where each run of bytes is from, by sequence; and how many objects are stale.
    fn check(
        objects: &[(u64, Kind, u64, u64)],
        expected: Option<&[(u64, u64, u64)]>,
        stale: usize,
    ) {
        for reverse in [false, true] {
            let mut listed = listed(objects);
            if reverse {
                listed.reverse();
            }
            let replayed = replay(&Path::from("p"), listed);
            let runs = replayed.files.get("a/b").map(|file| {
                let run = |(start, piece): (u64, &crate::spans::Piece)| {
                    let Source::Object(held) = &piece.source else { panic!("not dirty") };
                    (start, piece.end, held.name.sequence)
                };
                file.spans.all().map(run).collect::<Vec<_>>()
            });
            assert_eq!(runs.as_deref(), expected, "{objects:?}");
            assert_eq!(replayed.stale.len(), stale, "{objects:?}");
        }
    }

    #[test]
    fn later_objects_count_wherever_they_stand_in_a_listing() {
        use Kind::{Cut, Extent, Folded, Gone, Whole};
        check(&[(1, Extent, 0, 10), (2, Extent, 10, 5)], Some(&[(0, 10, 1), (10, 15, 2)]), 0);
        // Written again; what is below is stale.
        check(&[(1, Extent, 0, 10), (2, Extent, 0, 12)], Some(&[(0, 12, 2)]), 1);
        // A write that was given up and arrived, and the cut that says so.
        check(
            &[(1, Extent, 0, 10), (2, Extent, 10, 90), (3, Cut, 10, 0), (4, Extent, 10, 5)],
            Some(&[(0, 10, 1), (10, 15, 4)]),
            1,
        );
        // Folded ones lie over what they were made of, and below what came after.
        check(
            &[(1, Extent, 0, 10), (2, Extent, 10, 5), (2, Folded, 0, 15), (3, Extent, 12, 8)],
            Some(&[(0, 12, 2), (12, 20, 3)]),
            2,
        );
        check(&[(1, Extent, 0, 10), (2, Whole, 0, 3)], Some(&[(0, 3, 2)]), 1);
        // Removed, with remains; and made anew.
        check(&[(1, Extent, 0, 10), (2, Gone, 0, 0)], None, 1);
        check(&[(1, Extent, 0, 10), (2, Gone, 0, 0), (3, Extent, 0, 4)], Some(&[(0, 4, 3)]), 1);
    }
}
