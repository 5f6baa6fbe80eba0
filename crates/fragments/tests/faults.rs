//! Every operation of seeded workloads fails once with EIO and once with ENOSPC.

use fragments::testing::fault_sweep;

#[test]
fn no_failure_is_answered_as_a_success() {
    let one = std::env::var("ESSAIM_FAULT_SEED").ok().and_then(|text| text.parse().ok());
    let outcome = match one {
        Some(seed) => fault_sweep(seed..seed + 1, u64::MAX),
        None => fault_sweep(1_000..u64::MAX, 2_000),
    };
    match outcome {
        Ok(report) => eprintln!("{report:?}"),
        Err(error) => panic!("{error}"),
    }
}
