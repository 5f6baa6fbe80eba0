//! The planted bugs of this crate.

use units::planted::PlantedBug;

/// Moves a slot before the new copy has been verified.
pub(crate) const MOVE_UNVERIFIED: &str = "steward-move-unverified";

/// Removes fragments of parts that are still referred to.
pub(crate) const FORGET_REFERENCES: &str = "steward-remove-without-asking";

/// Takes a scrubbed disk for sound whatever was found.
pub(crate) const SCRUB_BLIND: &str = "steward-scrub-blind";

/// Tells the catalog of moves whatever the site map is by then.
pub(crate) const OLD_EPOCH: &str = "steward-ignores-epoch";

/// Lets slots go to any disk with room.
pub(crate) const MOVE_ANYWHERE: &str = "steward-moves-anywhere";

/// Moves slots onto sites that are being emptied.
pub(crate) const MOVE_TO_DRAINED: &str = "steward-moves-to-drained";

/// Removes what a moved slot left before the new place was written.
pub(crate) const REMOVE_FIRST: &str = "steward-removes-before-copying";

/// Rebuilds what is lost beside another fragment of its part.
pub(crate) const REBUILD_BESIDE: &str = "steward-rebuilds-beside";

/// Believes whatever hash a site has signed.
pub(crate) const CUSTODY_BELIEVES: &str = "steward-custody-believes";

/// Takes answers that the node has not signed.
pub(crate) const CUSTODY_UNSIGNED: &str = "steward-custody-unsigned";

/// Asks with the same nonce each time.
pub(crate) const CUSTODY_SAME_NONCE: &str = "steward-custody-same-nonce";

/// Keeps failed answers and has nothing repaired.
pub(crate) const CUSTODY_SPARES: &str = "steward-custody-spares";

/// Removes what a part has before the catalog knows that it is cut anew.
pub(crate) const RECUT_REMOVE_FIRST: &str = "steward-recut-removes-first";

/// Says that a part is cut anew without having written its new fragments.
pub(crate) const RECUT_UNVERIFIED: &str = "steward-recut-unverified";

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
    PlantedBug {
        name: OLD_EPOCH,
        what: "a move that was decided on another version of the site map is carried out",
    },
    PlantedBug {
        name: MOVE_ANYWHERE,
        what: "a slot moves where the policy or the spread of the part forbids it",
    },
    PlantedBug { name: MOVE_TO_DRAINED, what: "a slot moves to a site that is being emptied" },
    PlantedBug {
        name: REMOVE_FIRST,
        what: "the fragments of a moving slot are removed before they are read back elsewhere",
    },
    PlantedBug {
        name: REBUILD_BESIDE,
        what: "a lost fragment is rebuilt at a site that holds another of its part",
    },
    PlantedBug {
        name: CUSTODY_BELIEVES,
        what: "what a site says of its fragments is not held against the others",
    },
    PlantedBug { name: CUSTODY_UNSIGNED, what: "answers count that the node's key has not signed" },
    PlantedBug {
        name: CUSTODY_SAME_NONCE,
        what: "sites are always asked with the same nonce, so that old answers hold again",
    },
    PlantedBug {
        name: CUSTODY_SPARES,
        what: "a fragment that a site could not prove to keep is not repaired",
    },
    PlantedBug {
        name: RECUT_REMOVE_FIRST,
        what: "the fragments of a part that is cut anew are removed before the catalog knows",
    },
    PlantedBug {
        name: RECUT_UNVERIFIED,
        what: "a part is said to be cut anew without its new fragments being there",
    },
    PlantedBug { name: SCRUB_BLIND, what: "fragments that scrub finds damaged are not repaired" },
];
