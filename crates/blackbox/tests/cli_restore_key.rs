//! A restore takes the root key that the backup's keys are under, and no other.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use blackbox::{Node, Start, binary};

fn restore(words: &[&str]) -> Result<(bool, String)> {
    let output = Command::new(binary()?).arg("restore").args(words).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.success(), said))
}

fn started(folder: &Path, more: &[&str]) -> Result<Node> {
    let arguments = more.iter().map(Into::into).collect();
    Node::start_with(Start { folder: Some(folder.to_owned()), arguments, ..Start::default() })
}

#[test]
fn the_root_key_of_another_node_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (backup, key, wrong) = (path("catalog.backup"), path("right.copy"), path("wrong.copy"));
    let mut node = started(folder.path(), &[])?;
    node.essaim(&["backup", "catalog", &backup])?;
    node.essaim(&["backup", "root-key", &key])?;
    let tenant = node.tenant().to_owned();
    Node::start()?.essaim(&["backup", "root-key", &wrong])?;
    let data = path("restored");
    let (done, said) = restore(&[&backup, "--data", &data, "--root-key", &wrong])?;
    ensure!(!done && said.contains(&wrong) && said.contains("is not the one"), "{said}");
    ensure!(said.contains("nothing was changed") && !Path::new(&data).exists(), "{said}");
    // One that lies there already is told with where to move it.
    fs::create_dir(&data)?;
    fs::copy(&wrong, format!("{data}/root.key"))?;
    let (done, said) = restore(&[&backup, "--data", &data])?;
    ensure!(!done && said.contains("root.key.old") && said.contains("--root-key"), "{said}");
    ensure!(!Path::new(&data).join("catalog").exists(), "something was begun");
    fs::remove_file(format!("{data}/root.key"))?;
    let (done, said) = restore(&[&backup, "--data", &data, "--root-key", &key])?;
    ensure!(done, "{said}");
    // After a rotation, a backup of before needs the copy of before.
    node.essaim(&["root-key", "rotate"])?;
    node.essaim(&["backup", "root-key", &path("rotated.copy")])?;
    let data = path("rotated");
    let rotated = path("rotated.copy");
    let (done, said) = restore(&[&backup, "--data", &data, "--root-key", &rotated])?;
    ensure!(!done && said.contains("rotate") && !Path::new(&data).exists(), "{said}");
    // Over the node itself: the catalog that is there, and where to move it.
    node.stop()?;
    let data = node.data().display().to_string();
    let (done, said) = restore(&[&backup, "--data", &data])?;
    ensure!(!done && said.contains("a catalog") && said.contains("catalog.old"), "{said}");
    let mut node = started(folder.path(), &[])?;
    ensure!(node.tenant() == tenant, "it is the same node");
    node.stop()?;
    Ok(())
}

#[test]
fn a_directory_of_another_cluster_is_told_with_where_to_move_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (backup, key) = (path("catalog.backup"), path("root-key.copy"));
    let node = Node::start()?;
    node.essaim(&["backup", "catalog", &backup])?;
    node.essaim(&["backup", "root-key", &key])?;
    let mut other = started(folder.path(), &[])?;
    other.stop()?;
    let data = other.data().display().to_string();
    let (done, said) = restore(&[&backup, "--data", &data, "--root-key", &key])?;
    ensure!(!done && said.contains("another cluster"), "{said}");
    ensure!(said.contains(&format!("mv {data} {data}.old")), "{said}");
    fs::rename(&data, format!("{data}.old"))?;
    let (done, said) = restore(&[&backup, "--data", &data, "--root-key", &key])?;
    ensure!(done, "{said}");
    Ok(())
}

#[test]
fn a_root_key_under_a_passphrase_is_tried_with_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (backup, key, data) = (path("catalog.backup"), path("root-key.copy"), path("restored"));
    let (right, wrong) = (path("passphrase"), path("wrong"));
    fs::write(&right, "a word\n")?;
    fs::write(&wrong, "another word\n")?;
    let node = started(folder.path(), &["--passphrase-file", &right])?;
    node.essaim(&["backup", "catalog", &backup])?;
    node.essaim(&["backup", "root-key", &key])?;
    let words = [&backup, "--data", &data, "--root-key", &key].map(|word: &str| word);
    let with = |file: &str| restore(&[&words[..], &["--passphrase-file", file]].concat());
    let (done, said) = restore(&words)?;
    ensure!(!done && said.contains("--passphrase-file"), "{said}");
    let (done, said) = with(&wrong)?;
    ensure!(!done && said.contains("passphrase does not open"), "{said}");
    let (done, said) = with(&path("nowhere"))?;
    ensure!(!done && said.contains("nowhere is not there"), "{said}");
    ensure!(!Path::new(&data).exists(), "something was begun");
    let (done, said) = with(&right)?;
    ensure!(done, "{said}");
    // The key of another node, under the same passphrase.
    let folder_of_other = tempfile::tempdir()?;
    let node = started(folder_of_other.path(), &["--passphrase-file", &right])?;
    node.essaim(&["backup", "root-key", &path("other.copy")])?;
    let data = path("again");
    let (done, said) = restore(&[
        &backup,
        "--data",
        &data,
        "--root-key",
        &path("other.copy"),
        "--passphrase-file",
        &right,
    ])?;
    ensure!(!done && said.contains("is not the one") && !Path::new(&data).exists(), "{said}");
    Ok(())
}
