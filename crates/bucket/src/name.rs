//! The names of objects: what each is and where it belongs stands in its name, so that a
//! listing is all that a start needs.
//!
//! ```text
//!   PREFIX/files/segments/0000002a.seg/000000000000001f-e-00000040
//!                └──── file ─────────┘ └─ sequence ──┘ │ └ offset, or length of a cut
//!                                                      └ kind
//!   kind  e  extent: the bytes of the file from this offset on
//!         f  several extents folded into one; its sequence is the highest of theirs
//!         w  whole: the file is these bytes and nothing else, whatever was before
//!         c  cut: the file ends at this length; empty
//!         x  gone: nothing with a lower sequence counts; empty
//! ```
//! Sequences grow with every object of a bucket. What a file is follows from its objects
//! in the order of their sequences, wherever a request that was given up arrives late.

use object_store::path::Path;

/// Under which everything of a disk's files lies, behind the prefix.
const FILES: &str = "files";

/// What an object is for its file. In the order in which objects of one sequence count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Extent,
    Folded,
    Whole,
    Cut,
    Gone,
}

impl Kind {
    const fn letter(self) -> &'static str {
        match self {
            Self::Extent => "e",
            Self::Folded => "f",
            Self::Whole => "w",
            Self::Cut => "c",
            Self::Gone => "x",
        }
    }

    fn of(letter: &str) -> Option<Self> {
        let all = [Self::Extent, Self::Folded, Self::Whole, Self::Cut, Self::Gone];
        all.into_iter().find(|kind| kind.letter() == letter)
    }
}

/// An object's name, behind its file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectName {
    pub(crate) sequence: u64,
    pub(crate) kind: Kind,
    /// Where its bytes begin; of a cut the length that is left.
    pub(crate) offset: u64,
}

impl ObjectName {
    /// The object's path.
    pub(crate) fn path(&self, prefix: &Path, file: &str) -> Path {
        let Self { sequence, kind, offset } = self;
        let name = format!("{sequence:016x}-{}-{offset:08x}", kind.letter());
        let parts = prefix.parts().map(|part| part.as_ref().to_owned());
        let parts = parts.chain([FILES.to_owned()]);
        let parts = parts.chain(file.split('/').map(str::to_owned)).chain([name]);
        parts.collect()
    }

    /// What an object's path says: its file, and its name; nothing if it is none of ours.
    pub(crate) fn parse(prefix: &Path, path: &Path) -> Option<(String, Self)> {
        let mut parts: Vec<String> =
            path.prefix_match(prefix)?.map(|part| part.as_ref().to_owned()).collect();
        let name = parts.pop()?;
        if parts.len() < 2 || parts.first().is_none_or(|first| first != FILES) {
            return None;
        }
        let file = parts.get(1..)?.join("/");
        let mut words = name.split('-');
        let (sequence, kind, offset) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || sequence.len() != 16 {
            return None;
        }
        let number = |text: &str| {
            let is_plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            u64::from_str_radix(text, 16).ok().filter(|_| is_plain)
        };
        let name =
            Self { sequence: number(sequence)?, kind: Kind::of(kind)?, offset: number(offset)? };
        Some((file, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for prefix in ["", "essaim", "a/b"] {
            let prefix = Path::from(prefix);
            for kind in [Kind::Extent, Kind::Folded, Kind::Whole, Kind::Cut, Kind::Gone] {
                let name = ObjectName { sequence: 31, kind, offset: 0x1_0000_0040 };
                let path = name.path(&prefix, "segments/0000002a.seg");
                let found = ObjectName::parse(&prefix, &path);
                assert_eq!(found, Some(("segments/0000002a.seg".to_owned(), name)), "{path}");
            }
        }
    }

    #[test]
    fn other_objects_are_left_alone() {
        let prefix = Path::from("p");
        for text in [
            "p/files/0000000000000001-e-00",
            "p/other/a/0000000000000001-e-00",
            "q/files/a/0000000000000001-e-00",
            "p/files/a/1-e-00",
            "p/files/a/0000000000000001-z-00",
            "p/files/a/0000000000000001-e",
            "p/files/a/0000000000000001-e-00-1",
            "p/files/a/+000000000000001-e-00",
            "p/files/a/000000000000000A-e-00",
        ] {
            assert_eq!(ObjectName::parse(&prefix, &Path::from(text)), None, "{text}");
        }
    }
}
