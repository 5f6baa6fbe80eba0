//! A file system without room: when the engine notices, whether it still reads,
//! whether it goes on once there is room, and what is there after a restart.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use catalog::Batch;

use crate::engines;
use crate::work::noise;

/// Room that is given back once the engine has met the end.
const BALLAST_BYTES: usize = 16 << 20;

/// Fills the file system that this directory is on: give it a small one.
pub fn measure(name: &str, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    let ballast = directory.join("ballast");
    fs::write(&ballast, noise(0, BALLAST_BYTES))?;
    let rows = directory.join("rows");
    let engine = engines::open(name, &rows)?;
    let mut number = 0_u64;
    let failure = loop {
        match engine.commit(&batch(number)) {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
        ensure!(number < 4_000_000, "the file system is not small");
    };
    println!("{name}: batch {number} failed: {}", described(&failure));
    println!("{name}: reads: {}", works(engine.view().get(&0_u64.to_be_bytes())));
    fs::remove_file(&ballast)?;
    println!("{name}: commit once there is room: {}", works(engine.commit(&batch(number))));
    println!("{name}: persist: {}", works(engine.persist()));
    drop(engine);
    let engine = engines::open(name, &rows)?;
    let mut missing = 0_u64;
    for number in 0..number {
        missing += u64::from(engine.view().get(&number.to_be_bytes())?.is_none());
    }
    println!("{name}: reopened: {missing} of {number} committed batches are missing");
    println!("{name}: commit after that: {}", works(engine.commit(&batch(number))));
    Ok(())
}

fn batch(number: u64) -> Batch {
    let mut batch = Batch::default();
    batch.writes.insert(number.to_be_bytes().to_vec(), Some(noise(number, 1000)));
    batch
}

fn works<T, E: std::error::Error>(result: Result<T, E>) -> String {
    result.map_or_else(|error| described(&error), |_| "works".to_owned())
}

fn described(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
