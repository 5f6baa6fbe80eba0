//! The planted bugs of this crate; see [`units::planted`].

use units::planted::PlantedBug;

/// Deliberate faults, each of which the tests must catch.
pub const PLANTED: &[PlantedBug] = &[
    PlantedBug {
        name: "placement-error-permits",
        what: "a policy that cannot be evaluated permits what its other rules permit",
    },
    PlantedBug {
        name: "placement-keeps-old-certificates",
        what: "a certificate that ended still counts",
    },
    PlantedBug {
        name: "placement-two-on-one-domain",
        what: "two sites of one failure domain each get a fragment",
    },
    PlantedBug {
        name: "placement-forgets-distance",
        what: "sites are chosen however near to each other they are",
    },
    PlantedBug {
        name: "placement-stale-epoch",
        what: "a part is placed by what was known of another epoch of the site map",
    },
    PlantedBug {
        name: "placement-home-short",
        what: "home gets one fragment less than can be read alone",
    },
    PlantedBug {
        name: "placement-counts-one-more",
        what: "a placement is said to survive one loss more than it does",
    },
    PlantedBug {
        name: "placement-forgets-drains",
        what: "what lies on a site that is being emptied is not said to drift",
    },
    PlantedBug {
        name: "placement-trusts-unstated",
        what: "a site that has not said where it is counts as one far from all others",
    },
    PlantedBug {
        name: "placement-moves-anywhere",
        what: "a step may lead onto a site that the policy does not permit",
    },
];
