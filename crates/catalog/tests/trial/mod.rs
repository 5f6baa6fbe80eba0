//! Trials of the catalog: a generator of commands, a small model that says what
//! should come of them, and a census that checks every row after every entry.

pub mod census;
pub mod generator;
pub mod map_model;
pub mod model;
pub mod world;

use catalog::command::TenantShredded;
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
    let cleared = ending(&mut world, &mut model, &generator);
    Ok(operations + cleared.map_err(|error| format!("seed {seed}, in the end: {error}"))?)
}

/// The tenant is erased, whatever is locked, and all that it left is cleared away.
fn ending(world: &mut World, model: &mut Model, generator: &Generator) -> Result<usize, String> {
    let mut command = shredded();
    for said in 0..ENDING_MAX {
        let expected = model.apply(world.now, &command);
        compare(&expected, &world.one(command.clone()), &command)?;
        census::check(world, model).map_err(|error| format!("{command:?}: {error}"))?;
        if model.buckets.is_empty() {
            return Ok(said);
        }
        command = generator.ending(model);
    }
    Err("what an erased tenant left is never cleared away".to_owned())
}

/// Commands within which three buckets of six keys must be cleared.
const ENDING_MAX: usize = 10_000;

fn shredded() -> catalog::Command {
    catalog::Command::TenantShredded(TenantShredded { id: world::TENANT })
}

/// Commands that mean something one after the other, each with its time; for the last
/// ones the tenant is erased.
pub fn history(seed: u64, length: usize) -> Vec<catalog::Stamped> {
    let mut world = World::new();
    let mut model = Model::default();
    let mut generator = Generator::new(seed);
    let mut history = Vec::new();
    let mut opening = Generator::opening().into_iter();
    while history.len() < length {
        let left = length - history.len();
        let command = if let Some(command) = opening.next() {
            command
        } else if left == LAST {
            shredded()
        } else if left < LAST {
            generator.ending(&model)
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

/// Commands at the end of a history that clear away.
const LAST: usize = 12;

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
