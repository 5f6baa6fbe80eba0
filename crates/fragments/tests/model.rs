//! The store against the reference model, compared after every step.

use fragments::testing::model_run;

#[test]
fn the_store_does_what_the_model_says() {
    let seeds = match std::env::var("ESSAIM_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..400_u64,
    };
    for seed in seeds {
        if let Err(error) = model_run(seed) {
            panic!("{error}");
        }
    }
}
