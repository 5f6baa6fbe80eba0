//! The planted bugs of this crate.

use units::planted::PlantedBug;

/// Answers before the fragments are durable.
pub(crate) const EARLY_ANSWER: &str = "objects-answer-before-durable";

/// Takes a body that ended early for a whole one.
pub(crate) const TRUNCATED: &str = "objects-keep-truncated";

/// Gives a copy the key that was wrapped for its source.
pub(crate) const KEY_OF_SOURCE: &str = "objects-copy-keeps-key";

/// Keeps directory rows beyond their revision.
pub(crate) const OLD_DIRECTORY: &str = "objects-keep-old-directory";

/// Tells of a part at whatever epoch the map is, without looking at it again.
pub(crate) const OLD_PLACEMENT: &str = "objects-keep-old-placement";

/// Answers for a stripe of which just enough fragments are durable to read it. The trials
/// of several sites meet it.
pub(crate) const TOO_FEW: &str = "objects-answer-for-too-few";

/// Counts the fragments of a disk that is known to be late as durable.
pub(crate) const LATE_COUNTS: &str = "objects-late-counts-as-durable";

/// Does not tell of late fragments that were never written.
pub(crate) const LATE_FORGOTTEN: &str = "objects-late-forgotten";

/// What tests must catch.
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug {
        name: TOO_FEW,
        what: "a write is answered for that the loss of one site would take away",
    },
    PlantedBug {
        name: LATE_COUNTS,
        what: "a write is answered for with the fragments of sites that were only thought slow",
    },
    PlantedBug {
        name: LATE_FORGOTTEN,
        what: "nobody is told of a fragment that failed after its write was answered for",
    },
    PlantedBug {
        name: EARLY_ANSWER,
        what: "a write is acknowledged while its fragments are still on their way to the disks",
    },
    PlantedBug { name: TRUNCATED, what: "a body shorter than announced becomes an object" },
    PlantedBug {
        name: KEY_OF_SOURCE,
        what: "a copy refers to the part with the key wrapped for the source",
    },
    PlantedBug {
        name: OLD_PLACEMENT,
        what: "a part is told of on another version of the site map than it was placed on",
    },
    PlantedBug {
        name: OLD_DIRECTORY,
        what: "rows of tenants, keys and buckets are used after an answered change to them",
    },
];
