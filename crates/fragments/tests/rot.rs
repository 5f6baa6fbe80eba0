//! One bit at a time decays: nothing wrong is handed out, every hit is noticed.

use fragments::testing::rot_sweep;

#[test]
fn every_flipped_bit_in_a_live_fragment_is_noticed() {
    let one = std::env::var("ESSAIM_ROT_SEED").ok().and_then(|text| text.parse().ok());
    let outcome = match one {
        Some(seed) => rot_sweep(seed..seed + 1, 2_000),
        None => rot_sweep(0..20, 100),
    };
    match outcome {
        Ok(report) => {
            eprintln!("{report:?}");
            assert!(report.youngest_hits > 50, "too few flips hit the youngest: {report:?}");
            assert!(report.hits > 100, "too few flips hit anything: {report:?}");
            assert_eq!(report.hits, report.detected);
        }
        Err(error) => panic!("{error}"),
    }
}
