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
    counter!(names::SLOTS_MOVED).absolute(steward.slots_moved);
    counter!(names::PARTS_RECUT).absolute(steward.parts_recut);
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

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use steward::{SiteMoves, Slots};
    use units::SiteId;

    use super::*;

    /// What is exported for these numbers, without the lines of HELP and TYPE.
    fn exported(status: &ClusterStatus, numbers: &ClusterNumbers) -> Vec<String> {
        let recorder = PrometheusBuilder::new().build_recorder();
        let page = recorder.handle();
        metrics::with_local_recorder(&recorder, || set(status, numbers));
        let page = page.render();
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn has(lines: &[String], line: &str) {
        assert!(lines.iter().any(|one| one == line), "no line {line:?} in {lines:#?}");
    }

    #[test]
    fn each_number_is_exported_under_its_own_name() {
        let unreachable = vec!["mairie".to_owned()];
        let status = ClusterStatus {
            sites: 6,
            voting: 5,
            may_be_away: 2,
            unreachable,
            ..Default::default()
        };
        let leaves = Slots { slots: 3, bytes: 700 };
        let mut moves = steward::Moves::default();
        (moves.counted, moves.waiting, moves.stuck, moves.at_risk) = (true, 11, 12, 13);
        moves.sites.insert(SiteId::from_u128(1), SiteMoves { leaves, ..Default::default() });
        moves.recuts = Slots { slots: 1, bytes: 40 };
        let mut steward = steward::Status { repairs_waiting: 21, ..Default::default() };
        (steward.fragments_repaired, steward.slots_moved, steward.parts_recut) = (22, 23, 24);
        steward.custody.failed = 31;
        let numbers = ClusterNumbers { leads: true, moves: Some(moves), steward };

        let lines = exported(&status, &numbers);

        for line in [
            "essaim_sites{state=\"all\"} 6",
            "essaim_sites{state=\"voting\"} 5",
            "essaim_sites{state=\"unreachable\"} 1",
            "essaim_sites_may_be_away 2",
            "essaim_leads 1",
            "essaim_moves_left_bytes 740",
            "essaim_moves_parts{state=\"waiting\"} 11",
            "essaim_moves_parts{state=\"stuck\"} 12",
            "essaim_moves_parts{state=\"at_risk\"} 13",
            "essaim_repairs_waiting_parts 21",
            "essaim_fragments_repaired_total 22",
            "essaim_slots_moved_total 23",
            "essaim_parts_recut_total 24",
            "essaim_custody_answers_total{verdict=\"failed\"} 31",
            "essaim_custody_answers_total{verdict=\"held\"} 0",
        ] {
            has(&lines, line);
        }
    }

    #[test]
    fn what_is_not_counted_yet_is_not_zero() {
        let mut moves = steward::Moves::default();
        moves.stuck = 3;
        for moves in [None, Some(moves)] {
            let numbers = ClusterNumbers { moves, ..Default::default() };
            let lines = exported(&ClusterStatus::default(), &numbers);
            has(&lines, "essaim_moves_left_bytes NaN");
            has(&lines, "essaim_moves_parts{state=\"stuck\"} NaN");
            has(&lines, "essaim_leads 0");
        }
    }
}
