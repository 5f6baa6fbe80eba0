//! Planted bugs: each is switched on in turn and must be caught by the tests that
//! would meet it.
//!
//! The lists stand in the crates (`PLANTED`); each list has one test of the name
//! [`TEST`], which goes through it and fails for whatever slips through. Here the
//! lists are counted and the tests are run in one build.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// The test that every list has.
const TEST: &str = "every_planted_bug_is_caught";

/// Where a list's test is, if not in the crate of the list.
const ELSEWHERE: &[(&str, &str)] = &[("objects", "simulator"), ("steward", "simulator")];

/// Runs the tests; fails if a bug is missed, or a list has no test.
pub fn run(root: &Path) -> Result<()> {
    let lists = lists(root)?;
    let all: usize = lists.iter().map(|(_, count)| count).sum();
    let mut packages: Vec<&str> = lists.iter().map(|(list, _)| tested_in(list)).collect();
    packages.sort_unstable();
    packages.dedup();
    let mut targets = BTreeSet::new();
    for package in &packages {
        targets.insert(target(&root.join("crates").join(package))?);
    }
    let mut tests = shell::cargo(root);
    tests.args(["test", "--quiet", "--locked", "--no-fail-fast"]);
    for package in &packages {
        tests.args(["--package", package]);
    }
    for target in targets.iter().flatten() {
        tests.arg(target);
    }
    let features: Vec<String> = lists.iter().map(|(list, _)| feature(list)).collect();
    tests.args(["--features", &features.join(","), TEST]);
    let text = shell::output(&mut tests)?;
    let passed: usize = text.lines().filter_map(passed_in).sum();
    ensure!(
        passed == packages.len(),
        "{} crates have planted bugs, {passed} have the test {TEST}",
        packages.len()
    );
    for (list, count) in &lists {
        println!("{list} {count}/{count}");
    }
    println!("planted bugs caught: {all}/{all}");
    Ok(())
}

fn tested_in(list: &str) -> &str {
    ELSEWHERE.iter().find(|(of, _)| *of == list).map_or(list, |(_, tested)| tested)
}

/// Where the test of a crate is, as `cargo test` is told: all other targets, most of
/// them far larger, need not be built.
fn target(folder: &Path) -> Result<Vec<String>> {
    let holds = |path: &Path| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("fn {TEST}(")))
    };
    for entry in std::fs::read_dir(folder.join("tests")).into_iter().flatten() {
        let path = entry?.path();
        if let Some(name) = path.file_stem().filter(|_| path.is_file() && holds(&path)) {
            return Ok(vec!["--test".to_owned(), name.to_string_lossy().into_owned()]);
        }
    }
    let mut folders = vec![folder.join("src")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if holds(&path) {
                return Ok(vec!["--lib".to_owned()]);
            }
        }
    }
    None.with_context(|| format!("no test {TEST} in {}", folder.display()))
}

/// The feature that compiles a list's bugs in; a test elsewhere has one of its own.
fn feature(list: &str) -> String {
    format!("{}/planted", tested_in(list))
}

/// Crates with a list, and how long it is.
fn lists(root: &Path) -> Result<Vec<(String, usize)>> {
    let mut lists = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let entry = entry?;
        let mut count = 0;
        for file in ["lib.rs", "planted.rs"] {
            let path = entry.path().join("src").join(file);
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let list = text.split("const PLANTED:").nth(1).unwrap_or_default();
            count += list.matches("PlantedBug {").count();
        }
        if count > 0 {
            lists.push((entry.file_name().to_string_lossy().into_owned(), count));
        }
    }
    lists.sort();
    Ok(lists)
}

/// How many tests a line of the summary says have passed.
fn passed_in(line: &str) -> Option<usize> {
    let rest = line.trim().strip_prefix("test result: ok. ")?;
    rest.split_whitespace().next().and_then(|count| count.parse().ok())
}
