//! A catalog that comes back: into a node that lost it, and into a fresh directory.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Node, Start, Target, binary};
use http::Method;

fn restore(words: &[&str]) -> Result<(bool, String)> {
    let output = Command::new(binary()?).arg("restore").args(words).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.success(), said))
}

fn started(folder: &Path, more: &[&str]) -> Result<Node> {
    let arguments = more.iter().map(Into::into).collect();
    Node::start_with(Start { folder: Some(folder.to_owned()), arguments, ..Start::default() })
}

/// Writes an object that is too large to lie in the catalog.
#[tokio::main(flavor = "current_thread")]
async fn put(target: &Target, path: &str) -> Result<()> {
    let mut client = Client::connect(target).await?;
    let answer = client.call(Ask::new(Method::PUT, path).body(vec![7; 100_000])).await?;
    ensure!(answer.status.is_success(), "{}", answer.text());
    Ok(())
}

#[test]
fn a_lost_catalog_comes_back_and_finds_its_fragments() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("catalog.backup").display().to_string();
    let mut node = started(folder.path(), &[])?;
    let tenant = node.tenant().to_owned();
    node.essaim(&["bucket", "create", "kept", "--tenant", &tenant])?;
    let written = node.essaim_json(&["backup", "catalog", &backup])?;
    ensure!(written["bytes"].as_u64() == Some(fs::metadata(&backup)?.len()), "{written}");
    ensure!(node.essaim(&["backup", "catalog", &backup]).is_err(), "it was overwritten");
    let data = node.data().display().to_string();
    ensure!(!restore(&[&backup, "--data", &data])?.0, "into a running node");
    node.stop()?;
    let (done, said) = restore(&[&backup, "--data", &data])?;
    ensure!(!done, "over a living catalog: {said}");
    fs::remove_dir_all(node.data().join("catalog"))?;
    let (done, said) = restore(&[&backup, "--data", &data])?;
    ensure!(done, "{said}");
    let node = started(folder.path(), &[])?;
    ensure!(node.essaim_json(&["bucket", "show", "kept"])?["tenant"] == tenant.as_str());
    Ok(())
}

#[test]
fn a_lost_data_directory_comes_back_from_backup_key_and_disk() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut node = started(folder.path(), &["--disk", &path("far-disk")])?;
    let tenant = node.tenant().to_owned();
    node.essaim(&["bucket", "create", "kept", "--tenant", &tenant])?;
    node.essaim(&["backup", "catalog", &path("catalog.backup")])?;
    node.essaim(&["backup", "root-key", &path("root-key.copy")])?;
    let disk = node.essaim_json(&["status"])?["disks"][0]["id"].clone();
    node.stop()?;
    fs::remove_dir_all(node.data())?;
    let data = node.data().display().to_string();
    let (done, said) = restore(&[&path("catalog.backup"), "--data", &data])?;
    ensure!(!done && said.contains("--root-key"), "{said}");
    let backup = path("catalog.backup");
    let (key, far) = (path("root-key.copy"), path("far-disk"));
    // Wrong files leave nothing behind that the right ones would stumble over.
    let (done, said) = restore(&[&backup, "--data", &data, "--root-key", &backup])?;
    ensure!(!done && said.contains("is no root key"), "{said}");
    let cut = path("cut.backup");
    let whole = fs::read(&backup)?;
    fs::write(&cut, whole.get(..whole.len() / 2).unwrap_or_default())?;
    let (done, said) = restore(&[&cut, "--data", &data, "--root-key", &key])?;
    ensure!(!done && said.contains("nothing was changed"), "{said}");
    let (done, said) = restore(&[&backup, "--data", &data, "--root-key", &key, "--disk", &data])?;
    ensure!(!done && said.contains("holds no fragments"), "{said}");
    ensure!(!node.data().exists(), "something was begun");
    let words = [&backup, "--data", &data, "--root-key", &key, "--disk", &far];
    let (done, said) = restore(&words.map(|word: &str| word))?;
    ensure!(done, "{said}");
    let node = started(folder.path(), &[])?;
    ensure!(node.essaim_json(&["status"])?["disks"][0]["id"] == disk, "the disk is not known");
    node.essaim(&["bucket", "show", "kept"])?;
    Ok(())
}

#[test]
fn a_restore_without_its_disk_founds_no_empty_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (far, backup, key) = (path("far-disk"), path("catalog.backup"), path("root-key.copy"));
    let passphrase = path("passphrase");
    fs::write(&passphrase, "a word\n")?;
    let mut node = started(folder.path(), &["--disk", &far, "--passphrase-file", &passphrase])?;
    let tenant = node.tenant().to_owned();
    node.essaim(&["bucket", "create", "kept", "--tenant", &tenant])?;
    put(&node.target(), "/kept/object")?;
    // Where the disks are is written down in the first moments of a start.
    let since = std::time::Instant::now();
    loop {
        node.essaim(&["backup", "catalog", &backup])?;
        let bytes = fs::read(&backup)?;
        if bytes.windows(far.len()).any(|found| found == far.as_bytes()) {
            break;
        }
        ensure!(since.elapsed().as_secs() < 10, "where the disks are is not in the backup");
        fs::remove_file(&backup)?;
    }
    node.essaim(&["backup", "root-key", &key])?;
    let disk = node.essaim_json(&["status"])?["disks"][0]["id"].as_str().map(str::to_owned);
    let disk = disk.context("no disk")?;
    node.stop()?;
    fs::remove_dir_all(node.data())?;
    let data = node.data().display().to_string();
    let output = Command::new(binary()?)
        .args(["restore", &backup, "--data", &data, "--root-key", &key])
        .args(["--passphrase-file", &passphrase])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success());
    let seen = format!("last seen in {far} on ");
    for words in [&disk, &seen, "--disk DIR", "--passphrase-file", "--allow-missing-disks"] {
        ensure!(said.contains(words), "no {words:?} in\n{said}");
    }
    let up = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--data", &data, "--passphrase-file", &passphrase])
        .output()?;
    let said = String::from_utf8_lossy(&up.stderr);
    ensure!(up.status.code() == Some(1) && said.contains("--disk DIR"), "{said}");
    ensure!(said.contains(&disk) && !node.data().join("disk").exists(), "{said}");
    let node = started(folder.path(), &["--passphrase-file", &passphrase, "--disk", &far])?;
    let disks = node.essaim_json(&["status"])?["disks"].clone();
    ensure!(
        disks[0]["id"] == disk.as_str() && disks.as_array().map(Vec::len) == Some(1),
        "{disks}"
    );
    Ok(())
}

#[test]
fn a_damaged_backup_touches_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("catalog.backup");
    let mut node = started(folder.path(), &[])?;
    node.essaim(&["backup", "catalog", &backup.display().to_string()])?;
    node.stop()?;
    let whole = fs::read(&backup)?;
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let data = node.data();
    fs::rename(data.join("catalog"), folder.path().join("aside"))?;
    for damaged in [&flipped[..], &whole[..whole.len() - 1], b"", b"not a backup"] {
        fs::write(&backup, damaged)?;
        let words = [&backup.display().to_string(), "--data", &data.display().to_string()];
        let (done, said) = restore(&words.map(|word: &str| word))?;
        ensure!(!done, "a damaged backup was taken: {said}");
    }
    ensure!(!data.join("catalog").exists(), "something was begun");
    fs::rename(folder.path().join("aside"), data.join("catalog"))?;
    started(folder.path(), &[])?;
    Ok(())
}
