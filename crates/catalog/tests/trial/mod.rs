//! Trials of the catalog: a generator of commands, a small model that says what
//! should come of them, and a census that checks every row after every entry.

pub mod census;
pub mod generator;
pub mod model;
pub mod world;

use generator::Generator;
use model::Model;
use world::World;

/// Runs one seeded trial of this many log entries.
pub fn model_run(seed: u64, entries: usize) -> Result<usize, String> {
    let mut world = World::new();
    let mut model = Model::default();
    let mut generator = Generator::new(seed);
    let mut operations = 0;
    for command in Generator::opening() {
        let expected = model.apply(world.now, &command);
        compare(&expected, &world.one(command.clone()), &command)?;
    }
    for entry in 0..entries {
        generator.let_time_pass(&mut world);
        let mut commands = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..generator.entry_length() {
            let command = generator.command(&model, &world);
            expected.push(model.apply(world.now, &command));
            commands.push(command);
        }
        operations += commands.len();
        let outcomes = world.entry(commands.clone());
        let told = |error: String| {
            format!("seed {seed}, entry {entry}: {error}\nin the entry {commands:#?}")
        };
        for ((command, outcome), expected) in commands.iter().zip(&outcomes).zip(&expected) {
            compare(expected, outcome, command).map_err(told)?;
        }
        census::check(&world, &model).map_err(told)?;
    }
    Ok(operations)
}

/// Commands that mean something one after the other, each with its time.
pub fn history(seed: u64, length: usize) -> Vec<catalog::Stamped> {
    let mut world = World::new();
    let mut model = Model::default();
    let mut generator = Generator::new(seed);
    let mut history = Vec::new();
    let mut opening = Generator::opening().into_iter();
    while history.len() < length {
        let command = if let Some(command) = opening.next() {
            command
        } else {
            generator.let_time_pass(&mut world);
            generator.command(&model, &world)
        };
        model.apply(world.now, &command);
        drop(world.one(command.clone()));
        history.push(catalog::Stamped { at: world.now, command });
    }
    history
}

fn compare(
    expected: &model::Said,
    outcome: &catalog::Outcome,
    command: &catalog::Command,
) -> Result<(), String> {
    if expected.fits(outcome) {
        return Ok(());
    }
    Err(format!("{command:?}\nexpected {expected:?}\ngot {outcome:?}"))
}
