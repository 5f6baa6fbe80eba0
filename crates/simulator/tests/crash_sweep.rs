//! The power of a whole site is cut at every operation of seeded workloads.
//!
//! `ESSAIM_CRASH_POINTS=100000` runs the long version, `ESSAIM_CRASH_SEED` says where
//! it begins; `ESSAIM_CRASH=seed:cut` repeats one cut. Every thousand cuts it says what
//! was seen so far and where another run would go on, so that a run that is ended early
//! still counts, and parts of a long one can run apart.

use std::time::Instant;

use simulator::{Point, SweepReport, crash_replay, crash_sweep};

/// Cuts between two lines.
const CUTS_A_LINE: u64 = 1_000;

fn count(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_is_durable_wherever_the_power_is_cut() {
    let survivals = count("ESSAIM_CRASH_SURVIVALS", 2);
    if let Ok(text) = std::env::var("ESSAIM_CRASH") {
        let parts: Vec<u64> = text.split(':').filter_map(|part| part.parse().ok()).collect();
        let [seed, cut] = parts[..] else { panic!("ESSAIM_CRASH=seed:cut") };
        // More survivals than in the sweep: those of the sweep come first.
        match crash_replay(Point { seed, cut }, survivals.max(20)).await {
            Ok(report) => return println!("{report}"),
            Err(error) => panic!("{error:?}"),
        }
    }
    let (first, points) = (count("ESSAIM_CRASH_SEED", 0), count("ESSAIM_CRASH_POINTS", 200));
    let (start, mut told) = (Instant::now(), 0);
    let tell = |report: &SweepReport, next: u64| {
        if report.points / CUTS_A_LINE > told {
            told = report.points / CUTS_A_LINE;
            let (cuts, verified) = (report.points, report.trials.verified);
            println!(
                "{cuts} cuts, {} survivals, {verified} reads verified, lost 0, {:.0} s; \
                 to go on: ESSAIM_CRASH_SEED={next}",
                report.survivals,
                start.elapsed().as_secs_f64()
            );
        }
    };
    match crash_sweep(first, points, survivals, tell).await {
        Ok(report) => {
            println!("{report}, {:.0} s", start.elapsed().as_secs_f64());
            let missing = report.missing();
            assert!(points < 10_000 || missing.is_empty(), "never took place: {missing:?}");
        }
        Err(error) => panic!("{error:?}"),
    }
}
