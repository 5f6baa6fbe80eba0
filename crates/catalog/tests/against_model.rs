//! `apply` and `View` against the model, with a census after every log entry.
//!
//! `ESSAIM_TRIALS=1000 cargo test -p catalog --test against_model` runs a long
//! campaign.

mod trial;

#[test]
fn thousands_of_commands_do_what_the_model_says() {
    let trials = std::env::var("ESSAIM_TRIALS").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let mut operations = 0;
    for seed in 0..trials {
        operations += trial::model_run(seed, 250).unwrap_or_else(|error| {
            panic!(
                "{error}\nagain: ESSAIM_TRIALS={} cargo test -p catalog --test against_model",
                seed + 1
            )
        });
    }
    eprintln!("{operations} commands in {trials} trials agree with the model");
}
