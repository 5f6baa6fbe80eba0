//! What a run of a tool prints first: the command that repeats it, and what is under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use aws_lc_rs::digest;

use crate::binary;

/// Hexadecimal digits of a binary's SHA-256 that are shown.
const DIGEST_DIGITS: usize = 12;

/// Prints the command line that repeats this run, as `program` (its name, and what stands
/// in front of it) and the arguments it was given, with the seed if that was not among
/// them; and which binary is under test: the one given, or the one beside this program.
pub fn announce(program: &str, given: Option<&Path>, seed: Option<u64>) -> Result<()> {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let under_test = given.map_or_else(binary, |given| Ok(given.to_path_buf()))?;
    println!("repeat with: {}", repeat(program, &arguments, seed));
    println!("under test: {}", describe(&under_test)?);
    Ok(())
}

/// The command line of a run.
fn repeat(program: &str, arguments: &[String], seed: Option<u64>) -> String {
    let plain = |word: &str| !word.is_empty() && !word.contains(|c| " '\"\\$*?;&|<>".contains(c));
    let quoted = |word: &String| {
        if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    let mut words = vec![program.to_owned()];
    words.extend(arguments.iter().map(quoted));
    let has_seed = arguments.iter().any(|word| word == "--seed" || word.starts_with("--seed="));
    if let Some(seed) = seed.filter(|_| !has_seed) {
        words.push(format!("--seed {seed}"));
    }
    words.join(" ")
}

/// Version, digest and time of a binary, and the commit of the checkout it lies in.
fn describe(path: &Path) -> Result<String> {
    let shown = || format!("{} is not to be run", path.display());
    let version = Command::new(path).arg("--version").output().with_context(shown)?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let bytes = std::fs::read(path).with_context(shown)?;
    let digest = hex::encode(digest::digest(&digest::SHA256, &bytes));
    let digest = digest.get(..DIGEST_DIGITS).unwrap_or_default();
    let checkout = checkout(path).unwrap_or_else(|| "none".to_owned());
    Ok(format!("{version}, {}, SHA-256 {digest}…, checkout {checkout}", path.display()))
}

/// The commit of the checkout a binary lies in, or else of the one this program runs in.
/// The binary may have been built of another: its digest tells two builds apart.
fn checkout(path: &Path) -> Option<String> {
    let beside = path.parent().map(Path::to_path_buf).filter(|folder| folder.is_dir());
    [beside, Some(PathBuf::from("."))].into_iter().flatten().find_map(|folder| {
        let mut git = Command::new("git");
        git.current_dir(folder).args(["describe", "--always", "--dirty=, modified"]);
        let output = git.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::repeat;

    fn check(arguments: &[&str], seed: Option<u64>, expected: &str) {
        let words: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(repeat("lab", &words, seed), expected);
    }

    #[test]
    fn the_line_has_every_option_and_the_seed() {
        check(&["kills", "--alive-ms-max", "9"], Some(1), "lab kills --alive-ms-max 9 --seed 1");
        check(&["kills", "--seed", "4"], Some(4), "lab kills --seed 4");
        check(&["kills", "--seed=4"], Some(4), "lab kills --seed=4");
        check(&["rot", "--under", ""], None, "lab rot --under ''");
    }
}
