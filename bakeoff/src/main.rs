//! Compares what the catalog's rows and the consensus log could be kept in: by
//! speed, room and memory, and by what kills, power cuts, flipped bits and full
//! disks leave.
//!
//! ```text
//! bakeoff engines DIRECTORY OBJECTS TURNS [ENGINE…]   fjall and rocksdb, or those named
//! bakeoff kills DIRECTORY                             kill -9 and simulated power cuts
//! bakeoff proposals DIRECTORY TURNS [ENGINE…]         the whole consensus over an engine
//! bakeoff logs DIRECTORY TURNS                        our log and raft-engine
//! bakeoff damage DIRECTORY                            flipped bits and torn tails
//! bakeoff full ENGINE DIRECTORY                       on a small file system
//! bakeoff all DIRECTORY                               all but the last, as decided upon
//! ```
//! Every measurement is a process of its own, so that its memory is its own, and
//! the candidates take turns, so that a busy moment of the machine hits them all
//! alike; figures of processor time do not know of it at all. A table shows the
//! median of the turns and the extremes.
//! An engine is `rocksdb`, or `fjall` with settings, such as `fjall,memtable=32`.

mod engines;
mod figures;
mod full;
mod kill;
mod log_damage;
mod log_speed;
mod logs;
mod proposals;
mod rocks;
mod work;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use figures::Table;

/// As in the node.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ENGINES: [&str; 2] = ["fjall", "rocksdb"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["all", directory] => {
            engines_table(directory, "10000", "3", &ENGINES)?;
            engines_table(directory, "1000000", "3", &ENGINES)?;
            kills(directory)?;
            proposals_table(directory, "5", &ENGINES)?;
            logs_table(directory, "5")?;
            damage(directory)
        }
        ["engines", directory, objects, turns] => {
            engines_table(directory, objects, turns, &ENGINES)
        }
        ["engines", directory, objects, turns, ref names @ ..] => {
            engines_table(directory, objects, turns, names)
        }
        ["kills", directory] => kills(directory),
        ["proposals", directory, turns] => proposals_table(directory, turns, &ENGINES),
        ["proposals", directory, turns, ref names @ ..] => proposals_table(directory, turns, names),
        ["logs", directory, turns] => logs_table(directory, turns),
        ["damage", directory] => damage(directory),
        ["full", name, directory] => full::measure(name, Path::new(directory)),
        // The children.
        ["engine", name, directory, objects] => {
            engines::measure(name, Path::new(directory), objects.parse()?)
        }
        ["reopen", name, directory] => engines::reopen(name, Path::new(directory)),
        ["kill", name, directory] => kill::rounds(name, Path::new(directory)),
        ["write", name, directory] => kill::write(name, Path::new(directory)),
        ["propose", name, directory] => proposals::measure(name, Path::new(directory)),
        ["append", name, directory, proposers, bytes] => {
            log_speed::appends(name, Path::new(directory), proposers.parse()?, bytes.parse()?)
        }
        ["fill", name, directory] => log_speed::fill(name, Path::new(directory)),
        ["start", name, directory] => log_speed::start(name, Path::new(directory)),
        ["flip", name, directory] => log_damage::measure(name, Path::new(directory)),
        _ => {
            bail!("usage: bakeoff all|engines|kills|proposals|logs|damage|full …; see src/main.rs")
        }
    }
}

fn engines_table(directory: &str, objects: &str, turns: &str, names: &[&str]) -> Result<()> {
    let mut table = Table::default();
    for _ in 0..turns.parse::<u32>()? {
        for name in names {
            let at = fresh(directory)?;
            table.take(name, &child(&["engine", name, &at, objects])?);
            table.take(name, &child(&["reopen", name, &at])?);
        }
    }
    fresh(directory)?;
    println!("\n{objects} objects");
    table.print(names);
    Ok(())
}

fn kills(directory: &str) -> Result<()> {
    let mut table = Table::default();
    for name in ENGINES {
        table.take(name, &child(&["kill", name, &fresh(directory)?])?);
    }
    fresh(directory)?;
    table.print(&ENGINES);
    Ok(())
}

fn proposals_table(directory: &str, turns: &str, names: &[&str]) -> Result<()> {
    let mut table = Table::default();
    for _ in 0..turns.parse::<u32>()? {
        for name in names {
            table.take(name, &child(&["propose", name, &fresh(directory)?])?);
        }
    }
    fresh(directory)?;
    table.print(names);
    Ok(())
}

fn logs_table(directory: &str, turns: &str) -> Result<()> {
    let names = ["own", "raft-engine", log_speed::OWN_GROUPING];
    let mut table = Table::default();
    for _ in 0..turns.parse::<u32>()? {
        for (proposers, bytes) in [
            ("1", "300"),
            ("16", "300"),
            ("64", "300"),
            ("1", "8192"),
            ("16", "8192"),
            ("64", "8192"),
        ] {
            for name in names {
                let at = fresh(directory)?;
                table.take(name, &child(&["append", name, &at, proposers, bytes])?);
            }
        }
        for name in &names[..2] {
            let at = fresh(directory)?;
            child(&["fill", name, &at])?;
            table.take(name, &child(&["start", name, &at])?);
        }
    }
    fresh(directory)?;
    table.print(&names);
    Ok(())
}

fn damage(directory: &str) -> Result<()> {
    let mut table = Table::default();
    for name in logs::NAMES {
        table.take(name, &child(&["flip", name, &fresh(directory)?])?);
    }
    fresh(directory)?;
    table.print(&logs::NAMES);
    Ok(())
}

/// An empty directory for the next measurement; what the last one left is removed.
fn fresh(directory: &str) -> Result<String> {
    let path = PathBuf::from(directory).join("bakeoff");
    if path.exists() {
        std::fs::remove_dir_all(&path)?;
    }
    std::fs::create_dir_all(&path)?;
    Ok(path.join("candidate").display().to_string())
}

/// What a child says until its end, or until it asks to be killed.
fn child(arguments: &[&str]) -> Result<String> {
    eprintln!("{}", arguments.join(" "));
    let mut child =
        Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
    let output = BufReader::new(child.stdout.take().context("a pipe")?);
    let (mut said, mut is_killed) = (String::new(), false);
    for line in output.lines() {
        let line = line?;
        if line == engines::READY {
            child.kill()?;
            is_killed = true;
        }
        said.push_str(&line);
        said.push('\n');
    }
    let status = child.wait()?;
    ensure!(status.success() || is_killed, "{arguments:?} failed");
    Ok(said)
}
