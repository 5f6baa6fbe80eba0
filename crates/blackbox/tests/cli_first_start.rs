//! A first start that is refused for what could be known before leaves nothing behind.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use blackbox::{Node, Start, binary};

/// Runs `essaim up` where it must fail; what it said. But for a lock and a socket, nothing
/// is left.
fn refused(data: &Path, more: &[&str]) -> Result<String> {
    let output = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(more)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "exit code {:?}: {said}", output.status);
    let left = fs::read_dir(data).into_iter().flatten();
    let left: Vec<_> = left.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    let is_nothing = |name: &OsString| name == "lock" || name == "admin.sock";
    ensure!(left.iter().all(is_nothing), "{left:?} is left after: {said}");
    Ok(said)
}

fn started(folder: &Path, more: &[&str]) -> Result<Node> {
    let arguments = more.iter().map(Into::into).collect();
    Node::start_with(Start { folder: Some(folder.to_owned()), arguments, ..Start::default() })
}

#[test]
fn disks_of_another_cluster_are_refused_and_the_restore_is_not_blocked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (far, backup, key) = (path("far-disk"), path("catalog.backup"), path("root-key.copy"));
    let mut node = started(folder.path(), &["--disk", &far])?;
    node.essaim(&["backup", "catalog", &backup])?;
    node.essaim(&["backup", "root-key", &key])?;
    node.stop()?;
    let data = node.data();
    fs::rename(&data, folder.path().join("lost"))?;
    let said = refused(&data, &["--disk", &path("blank"), "--disk", &far])?;
    ensure!(said.contains("of another cluster") && said.contains("essaim restore"), "{said}");
    ensure!(!data.exists() && !folder.path().join("blank").exists(), "something was made: {said}");
    let output = Command::new(binary()?)
        .args(["restore", &backup, "--root-key", &key, "--disk", &far, "--data"])
        .arg(&data)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    started(folder.path(), &[])?;
    Ok(())
}

#[test]
fn what_no_new_node_can_take_is_refused_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let data = folder.path().join("data");
    // A mark that is lost, and one that is damaged.
    let lost = folder.path().join("lost-mark/segments");
    fs::create_dir_all(&lost)?;
    fs::write(lost.join("00000001.seg"), b"x")?;
    let said = refused(&data, &["--disk", &path("lost-mark")])?;
    ensure!(said.contains("lost-mark cannot be used"), "{said}");
    fs::create_dir_all(folder.path().join("bad-mark"))?;
    fs::write(folder.path().join("bad-mark/disk.id"), b"rubbish")?;
    let said = refused(&data, &["--disk", &path("bad-mark")])?;
    ensure!(said.contains("bad-mark cannot be used"), "{said}");
    fs::write(path("file"), b"mine")?;
    let said = refused(&data, &["--disk", &path("file")])?;
    ensure!(said.contains("is a file"), "{said}");
    refused(&data, &["--disk", "/proc/essaim"])?;
    // A passphrase that nobody can have meant, or that no key is put under.
    fs::write(path("passphrase"), b"one line\nand another\n")?;
    let said = refused(&data, &["--passphrase-file", &path("passphrase")])?;
    ensure!(said.contains("more than one line"), "{said}");
    fs::write(path("passphrase"), "x".repeat(1_025))?;
    let said = refused(&data, &["--passphrase-file", &path("passphrase")])?;
    ensure!(said.contains("longer than 1024 bytes"), "{said}");
    Ok(())
}

#[test]
fn no_directory_is_made_above_a_disk() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mount = folder.path().join("mnt/disk2");
    let disk = mount.join("essaim").display().to_string();
    let data = folder.path().join("data");
    let said = refused(&data, &["--disk", &disk])?;
    ensure!(said.contains("there is no directory") && said.contains("mount it"), "{said}");
    ensure!(!folder.path().join("mnt").exists() && !data.exists(), "it was made");
    let mut node = started(folder.path(), &[])?;
    node.stop()?;
    let output = Command::new(binary()?)
        .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .args(["--disk", &disk])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1) && said.contains("mount it"), "{said}");
    ensure!(!folder.path().join("mnt").exists(), "it was made");
    fs::create_dir_all(&mount)?;
    let node = started(folder.path(), &["--disk", &disk])?;
    let disks = node.essaim_json(&["status"])?["disks"].as_array().map(Vec::len);
    ensure!(disks == Some(2), "{disks:?}");
    Ok(())
}

#[test]
fn a_disk_within_a_new_data_directory_is_made_with_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("data/disks/one").display().to_string();
    started(folder.path(), &["--disk", &disk])?;
    Ok(())
}
