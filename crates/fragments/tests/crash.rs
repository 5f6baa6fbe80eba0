//! The power is cut at every operation of seeded workloads.
//!
//! `ESSAIM_CRASH_POINTS=100000` runs the long version;
//! `ESSAIM_CRASH=seed:cut:survival` repeats one crash.

use fragments::testing::{crash_replay, crash_sweep};

/// Survivals tried at every instant.
const SURVIVALS: u64 = 5;

#[test]
fn acknowledged_is_durable_wherever_the_power_is_cut() {
    if let Ok(text) = std::env::var("ESSAIM_CRASH") {
        let parts: Vec<u64> = text.split(':').filter_map(|part| part.parse().ok()).collect();
        let [seed, cut, survival] = parts[..] else { panic!("ESSAIM_CRASH=seed:cut:survival") };
        return crash_replay(seed, cut, survival).unwrap_or_else(|error| panic!("{error}"));
    }
    let points = std::env::var("ESSAIM_CRASH_POINTS").ok().and_then(|text| text.parse().ok());
    let points = points.unwrap_or(1_500);
    match crash_sweep(0..u64::MAX, SURVIVALS, points) {
        Ok(report) => eprintln!("{report:?}"),
        Err(error) => panic!("{error}"),
    }
}
