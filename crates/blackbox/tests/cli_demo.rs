//! `essaim demo`, as somebody tries it who has just built it.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use blackbox::binary;
use serde_json::Value;

fn demo(words: &[&str]) -> Result<Output> {
    Ok(Command::new(binary()?).arg("demo").args(words).output()?)
}

#[test]
fn nothing_is_lost_when_a_house_burns() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sites = folder.path().join("sites").display().to_string();
    let documents = folder.path().join("documents");
    fs::create_dir_all(documents.join("été"))?;
    fs::write(documents.join("plan.txt"), vec![b'p'; 3 << 20])?;
    fs::write(documents.join("été/arrêté n° 7.txt"), "Le maire arrête.")?;
    fs::write(documents.join("vide.txt"), "")?;
    let documents = documents.display().to_string();
    let words = ["--sites", "3", "--seconds", "3", "--documents", &documents, "--folder", &sites];
    let words: Vec<&str> = words.into_iter().chain(["--json"]).collect();
    let output = demo(&words)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let figures: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(figures["sites"] == 3 && figures["killed"] == 1, "{figures:#}");
    ensure!(figures["lost"] == 0 && figures["reads_wrong"] == 0, "{figures:#}");
    for counted in ["objects", "reads", "repair_seconds", "read_pause_seconds"] {
        ensure!(figures[counted].as_f64().is_some_and(|figure| figure > 0.0), "{figures:#}");
    }
    ensure!(figures["objects"].as_u64() > Some(3), "people wrote: {figures:#}");
    ensure!(!fs::exists(&sites)?, "the folder goes with the program");
    Ok(())
}

#[test]
fn what_cannot_be_played_is_said_before_anything_is_made() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = folder.path().join("empty").display().to_string();
    fs::create_dir(&empty)?;
    let sites = folder.path().join("sites").display().to_string();
    for (words, code, told) in [
        (&["--sites", "2"][..], 2, "3 to 8"),
        (&["--documents", &empty, "--folder", &sites], 1, "no document"),
        (&["--documents", "/nowhere", "--folder", &sites], 1, "/nowhere"),
        (&["--folder", &empty], 1, "not there yet"),
    ] {
        let output = demo(words)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(code), "{words:?}: {said}");
        ensure!(said.contains(told), "{words:?}: {said}");
    }
    ensure!(!fs::exists(&sites)?);
    Ok(())
}
