//! Figures: said by a child, one a line, gathered over several turns, shown as a table.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Says one figure.
pub fn say(name: &str, value: f64) {
    println!("{name}\t{value}");
}

/// A duration in milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Says the middle, the 99th percentile and the worst of some times, in milliseconds.
pub fn say_times(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 1000).min(times.len().max(1) - 1));
    for (label, share) in [("p50", 500), ("p99", 990), ("worst", 1000)] {
        say(&format!("{name}, {label} ms"), ms(at(share).copied().unwrap_or_default()));
    }
}

/// What several candidates said in several turns.
#[derive(Default)]
pub struct Table {
    names: Vec<String>,
    values: BTreeMap<(String, String), Vec<f64>>,
}

impl Table {
    /// Takes what a child of this candidate said.
    pub fn take(&mut self, candidate: &str, said: &str) {
        for line in said.lines() {
            let Some((name, value)) = line.split_once('\t') else { continue };
            let Ok(value) = value.parse() else { continue };
            if !self.names.iter().any(|known| known == name) {
                self.names.push(name.to_owned());
            }
            let cell = (name.to_owned(), candidate.to_owned());
            self.values.entry(cell).or_default().push(value);
        }
    }

    /// Prints the median of the turns and, where they differ, the extremes.
    pub fn print(&self, candidates: &[&str]) {
        println!("\n| what | {} |", candidates.join(" | "));
        println!("|---|{}", "---|".repeat(candidates.len()));
        for name in &self.names {
            let cells: Vec<String> = candidates
                .iter()
                .map(|candidate| {
                    let cell = (name.clone(), (*candidate).to_owned());
                    self.values.get(&cell).map_or_else(String::new, |values| shown(values))
                })
                .collect();
            println!("| {name} | {} |", cells.join(" | "));
        }
    }
}

fn shown(values: &[f64]) -> String {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.get(values.len() / 2).copied().unwrap_or_default();
    match (values.first(), values.last()) {
        (Some(least), Some(most)) if values.len() > 1 && number(*least) != number(*most) => {
            format!("{} ({} to {})", number(middle), number(*least), number(*most))
        }
        _ => number(middle),
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Processor time that all threads of this process have used: what a busy machine
/// does not change.
pub fn processor() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The name in brackets may hold anything; the fields after it are numbers.
    let (_, fields) = text.rsplit_once(')').context("no name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Bytes that this process has had written to a disk, dirtied pages included.
pub fn bytes_written() -> Result<u64> {
    field("/proc/self/io", "write_bytes:")
}

/// The memory this process has now, in MiB.
pub fn resident_mebibytes() -> Result<f64> {
    Ok(field("/proc/self/status", "VmRSS:")? as f64 / 1024.0)
}

/// The most memory this process has had, in MiB.
pub fn peak_mebibytes() -> Result<f64> {
    Ok(field("/proc/self/status", "VmHWM:")? as f64 / 1024.0)
}

fn field(file: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).context("no such field")?;
    Ok(line.split_whitespace().next().context("no figure")?.parse()?)
}

/// Bytes that a directory takes on the disk.
pub fn bytes_on_disk(directory: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut total = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // A compaction may have taken the file away.
        let Ok(data) = entry.metadata() else { continue };
        total += if data.is_dir() { bytes_on_disk(&entry.path())? } else { data.blocks() * 512 };
    }
    Ok(total)
}
