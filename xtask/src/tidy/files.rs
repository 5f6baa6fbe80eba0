//! Source files: a head that says what and why, a bounded length, reasons for lint switches.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// No source file is longer than this many lines.
const LINES_MAX: usize = 800;

/// Crates whose code is pure: no file, socket, clock, thread or randomness of its own.
const PURE: &[&str] = &["units", "seal", "erasure", "placement", "catalog", "access", "caretaker"];

/// What pure code may not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "tokio::",
    "OsRng",
    "thread_rng",
    "rand::rng(",
    "getrandom",
];

/// Faults in every tracked Rust file.
pub fn check(root: &Path, tracked: &[PathBuf]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in tracked.iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = std::fs::read_to_string(root.join(path))
            .with_context(|| format!("{} cannot be read", path.display()))?;
        faults.extend(faults_of(path, &text));
    }
    Ok(faults)
}

fn faults_of(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("{shown}: does not open with `//!`"));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        faults.push(format!("{shown}: {lines} lines, the limit is {LINES_MAX}"));
    }
    let allow = concat!("#[", "allow(");
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with(allow) || line.contains(concat!("#![", "allow(")) {
            faults.push(format!(
                "{shown}:{}: use `#[expect(…, reason = \"…\")]`, not `{allow}…)]`",
                number + 1
            ));
        }
    }
    if is_pure(path) {
        // Tests of pure crates may use files; their product code may not.
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in product.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                faults.push(format!("{shown}:{}: `{word}` in a pure crate", number + 1));
            }
        }
    }
    faults
}

fn is_pure(path: &Path) -> bool {
    PURE.iter().any(|name| path.starts_with(format!("crates/{name}/src")))
        && path.file_name().is_none_or(|name| name != "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> usize {
        faults_of(Path::new(path), text).len()
    }

    #[test]
    fn heads_lengths_and_switches() {
        assert_eq!(check("crates/x/src/a.rs", "//! A file.\n"), 0);
        assert_eq!(check("crates/x/src/a.rs", "fn a() {}\n"), 1);
        assert_eq!(
            check("crates/x/src/a.rs", &format!("//! Long.\n{}", "\n".repeat(LINES_MAX))),
            1
        );
        assert_eq!(check("crates/x/src/a.rs", concat!("//! A.\n#[", "allow(dead_code)]\n")), 1);
    }

    #[test]
    fn purity() {
        let text = "//! A.\nuse std::fs::File;\n";
        assert_eq!(check("crates/catalog/src/a.rs", text), 1);
        assert_eq!(check("crates/disk/src/a.rs", text), 0);
        assert_eq!(check("crates/catalog/src/a.rs", "//! A.\n// std::fs is not for us\n"), 0);
        assert_eq!(check("crates/catalog/src/a.rs", "//! A.\n#[cfg(test)]\nuse std::fs;\n"), 0);
    }
}
