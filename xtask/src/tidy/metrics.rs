//! A metric that a crate counts stands in the table that gives it its HELP and TYPE.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const TABLE: &str = "crates/insight/src/names.rs";

/// Endings that only metrics have.
const ENDINGS: &[&str] = &["_total\"", "_seconds\"", "_bytes\""];

/// Metrics of source files that the table does not have.
pub fn check(root: &Path, tracked: &[PathBuf]) -> Result<Vec<String>> {
    let table = std::fs::read_to_string(root.join(TABLE)).context(TABLE)?;
    let mut faults = Vec::new();
    for path in tracked {
        let is_source = path.components().any(|part| part.as_os_str() == "src");
        if !is_source || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(path))?;
        for (number, line) in text.lines().enumerate() {
            for name in named(line).filter(|name| !table.contains(name)) {
                faults.push(format!(
                    "{}:{}: the metric {name} is not in {TABLE}",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    Ok(faults)
}

/// Names of metrics in a line, with their quotes.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let starts = line.match_indices(concat!("\"ess", "aim_")).map(|(at, _)| at);
    starts.filter_map(|at| {
        let name = line.get(at..)?;
        let end = name.get(1..)?.find('"')? + 2;
        name.get(..end).filter(|name| ENDINGS.iter().any(|ending| name.ends_with(ending)))
    })
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_are_found() {
        let line = concat!("const A: &str = \"ess", "aim_a_total\"; let b = \"ess", "aim_b\";");
        let found: Vec<&str> = named(line).collect();
        assert_eq!(found, [concat!("\"ess", "aim_a_total\"")]);
    }
}
