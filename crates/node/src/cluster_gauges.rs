//! The gauges of a cluster: what every node knows of all sites, and what the one that leads
//! does for them.

use admin::model::ClusterStatus;
use insight::names;
use metrics::{counter, gauge};

/// What the gauges of a cluster are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterNumbers {
    /// Whether this node's site leads.
    pub(crate) leads: bool,
    /// What moves, as the leader has counted it for the map as it is; none before.
    pub(crate) moves: Option<steward::Moves>,
    /// What this node's steward has done since the start.
    pub(crate) steward: steward::Status,
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point by their format")]
pub(crate) fn set(status: &ClusterStatus, numbers: &ClusterNumbers) {
    let sites = [
        ("all", status.sites),
        ("voting", status.voting),
        ("unreachable", status.unreachable.len() as u64),
    ];
    for (state, count) in sites {
        gauge!(names::SITES, "state" => state).set(count as f64);
    }
    gauge!(names::SITES_MAY_BE_AWAY).set(status.may_be_away as f64);
    gauge!(names::LEADS).set(f64::from(u8::from(numbers.leads)));
    // Not counted yet is not zero: who waits for that would take a machine away.
    let moves = numbers.moves.as_ref().filter(|said| said.counted);
    let count = |of: fn(&steward::Moves) -> u64| moves.map_or(f64::NAN, |said| of(said) as f64);
    gauge!(names::MOVES_LEFT_BYTES).set(count(|said| said.to_move().bytes));
    gauge!(names::MOVES_PARTS, "state" => "waiting").set(count(|said| said.waiting));
    gauge!(names::MOVES_PARTS, "state" => "stuck").set(count(|said| said.stuck));
    gauge!(names::MOVES_PARTS, "state" => "at_risk").set(count(|said| said.at_risk));
    let steward = &numbers.steward;
    gauge!(names::REPAIRS_WAITING).set(steward.repairs_waiting as f64);
    counter!(names::FRAGMENTS_REPAIRED).absolute(steward.fragments_repaired);
    let custody = [
        ("held", steward.custody.held),
        ("failed", steward.custody.failed),
        ("silent", steward.custody.silent),
        ("disputed", steward.custody.disputed),
    ];
    for (verdict, count) in custody {
        counter!(names::CUSTODY_ANSWERS, "verdict" => verdict).absolute(count);
    }
}
