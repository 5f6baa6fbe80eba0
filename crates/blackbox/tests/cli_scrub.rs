//! `essaim scrub --now` on damaged files: it ends when its repairs have ended, and its
//! exit code says whether anything is lost.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Node, Start, binary};
use http::Method;

const OBJECTS: u64 = 24;
const OBJECT_BYTES: usize = 300_000;

/// Changes a byte in the middle of each of so many stretches of a disk's segments.
fn damage(disk: &Path, stretches: u64) -> Result<()> {
    for entry in fs::read_dir(disk.join("segments"))? {
        let file = fs::OpenOptions::new().read(true).write(true).open(entry?.path())?;
        let stretch = file.metadata()?.len() / (stretches + 1);
        for at in 1..=stretches {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at * stretch)?;
            file.write_all_at(&[byte[0] ^ 8], at * stretch)?;
        }
    }
    Ok(())
}

/// A node on these disks, filled and damaged; exit code, output and error output of a
/// scrub, and what was found, repaired and lost.
async fn scrubbed(disks: usize) -> Result<(Option<i32>, String, [u64; 3])> {
    let folder = tempfile::tempdir()?;
    let paths: Vec<PathBuf> = (0..disks).map(|n| folder.path().join(format!("disk-{n}"))).collect();
    let arguments = paths.iter().flat_map(|disk| ["--disk".into(), disk.into()]).collect();
    let given = Some(folder.path().to_owned());
    let node = Node::start_with(Start { folder: given, arguments, ..Start::default() })?;
    let mut client = Client::connect(&node.target()).await?;
    client.call(Ask::new(Method::PUT, "/letters")).await?;
    for number in 0..OBJECTS {
        let ask = Ask::new(Method::PUT, format!("/letters/{number}"));
        let answer = client.call(ask.body(vec![7; OBJECT_BYTES])).await?;
        ensure!(answer.status.is_success(), "{}", answer.text());
    }
    damage(&paths[0], OBJECTS / 2)?;
    let output =
        Command::new(binary()?).args(["scrub", "--now", "--data"]).arg(node.data()).output()?;
    let said = [output.stdout, output.stderr].concat();
    let scrub = node.essaim_json(&["scrub"])?;
    let count = |field: &str| {
        scrub.get(field).and_then(serde_json::Value::as_u64).with_context(|| field.to_owned())
    };
    let counts = [count("fragments_bad")?, count("fragments_repaired")?, count("fragments_lost")?];
    Ok((output.status.code(), String::from_utf8_lossy(&said).into_owned(), counts))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_several_disks_it_ends_with_everything_repaired() -> Result<()> {
    let (code, said, [bad, repaired, lost]) = scrubbed(3).await?;
    ensure!(code == Some(0), "exit code {code:?}: {said}");
    ensure!(bad > 0 && repaired == bad && lost == 0, "{repaired} of {bad}, {lost} lost: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_disk_it_says_that_something_is_lost() -> Result<()> {
    let (code, said, [bad, repaired, lost]) = scrubbed(1).await?;
    ensure!(code == Some(1), "exit code {code:?}: {said}");
    ensure!(bad > 0 && repaired == 0 && lost == bad, "{repaired} of {bad}, {lost} lost: {said}");
    ensure!(said.contains("bad fragments could not be rebuilt"), "{said}");
    Ok(())
}
