//! The planted bugs of this crate.

use units::planted::PlantedBug;

/// Moves a slot before the new copy has been verified.
pub(crate) const MOVE_UNVERIFIED: &str = "steward-move-unverified";

/// Removes fragments of parts that are still referred to.
pub(crate) const FORGET_REFERENCES: &str = "steward-remove-without-asking";

/// Takes a scrubbed disk for sound whatever was found.
pub(crate) const SCRUB_BLIND: &str = "steward-scrub-blind";

/// What tests must catch.
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug {
        name: MOVE_UNVERIFIED,
        what: "a repaired fragment is announced without having been written",
    },
    PlantedBug {
        name: FORGET_REFERENCES,
        what: "the orphan sweep removes fragments at once, without the catalog's word",
    },
    PlantedBug { name: SCRUB_BLIND, what: "fragments that scrub finds damaged are not repaired" },
];
