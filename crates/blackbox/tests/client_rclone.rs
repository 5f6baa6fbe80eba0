//! rclone: copy, sync, check, and a mount that is read and written as a folder.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use blackbox::{Node, Program, samples};

fn rclone(node: &Node) -> Result<Program> {
    Ok(Program::named("rclone")?
        .env("RCLONE_CONFIG", "/nonexistent/rclone.conf")
        .env("RCLONE_CONFIG_ESSAIM_TYPE", "s3")
        .env("RCLONE_CONFIG_ESSAIM_PROVIDER", "Other")
        .env("RCLONE_CONFIG_ESSAIM_ENDPOINT", node.endpoint())
        .env("RCLONE_CONFIG_ESSAIM_REGION", node.region())
        .env("RCLONE_CONFIG_ESSAIM_ACCESS_KEY_ID", node.access_key_id())
        .env("RCLONE_CONFIG_ESSAIM_SECRET_ACCESS_KEY", node.secret_access_key()))
}

#[test]
fn copy_sync_and_check_agree() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let back = folder.path().join("back");

    rclone(&node)?.args(["mkdir", "essaim:mairie"]).run()?;
    rclone(&node)?.args(["copy"]).args([&documents]).args(["essaim:mairie/actes"]).run()?;
    rclone(&node)?
        .args(["check", "--download"])
        .args([&documents])
        .args(["essaim:mairie/actes"])
        .run()?;
    rclone(&node)?.args(["copy", "essaim:mairie/actes"]).args([&back]).run()?;
    samples::ensure_same(&documents, &back)?;

    let gone = samples::files(&documents)?.remove(0);
    std::fs::remove_file(documents.join(&gone))?;
    rclone(&node)?.args(["sync"]).args([&documents]).args(["essaim:mairie/actes"]).run()?;
    rclone(&node)?.args(["check"]).args([&documents]).args(["essaim:mairie/actes"]).run()?;
    let listed = rclone(&node)?.args(["lsf", "-R", "--files-only", "essaim:mairie/actes"]).run()?;
    ensure!(listed.lines().count() == samples::files(&documents)?.len(), "listed:\n{listed}");
    Ok(())
}

#[test]
fn a_mount_is_a_folder() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let point = folder.path().join("mount");
    std::fs::create_dir(&point)?;
    rclone(&node)?.args(["copy"]).args([&documents]).args(["essaim:mairie"]).run()?;

    let mut mount = Mount::start(
        rclone(&node)?.args(["mount", "essaim:mairie"]).args([&point]).args([
            "--vfs-cache-mode",
            "writes",
            "--vfs-write-back",
            "0s",
            "--dir-cache-time",
            "1s",
        ]),
        &point,
    )?;
    samples::ensure_same(&documents, &point)?;
    std::fs::write(point.join("note.txt"), "par le dossier")?;
    mount.end()?;
    let text = rclone(&node)?.args(["cat", "essaim:mairie/note.txt"]).run()?;
    ensure!(text == "par le dossier", "through S3 came {text:?}");
    Ok(())
}

/// A running mount; unmounted when dropped.
struct Mount {
    process: Child,
    point: std::path::PathBuf,
}

impl Mount {
    fn start(program: Program, point: &std::path::Path) -> Result<Self> {
        let process = program.into_command().stderr(Stdio::inherit()).spawn()?;
        let mut mount = Self { process, point: point.to_path_buf() };
        let start = Instant::now();
        loop {
            let mounts = std::fs::read_to_string("/proc/mounts")?;
            if mounts.contains(&*point.to_string_lossy()) {
                return Ok(mount);
            }
            if mount.process.try_wait()?.is_some() || start.elapsed() > Duration::from_secs(20) {
                bail!("rclone did not mount {}", point.display());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Unmounts and waits until everything was written back.
    fn end(&mut self) -> Result<()> {
        Program::named("fusermount3")?.args(["-u"]).args([&self.point]).run()?;
        let status = self.process.wait()?;
        ensure!(status.success(), "rclone mount ended with {status}");
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _unmounted = Program::named("fusermount3")
                .and_then(|program| program.args(["-uz"]).args([&self.point]).run());
            let _killed = self.process.kill();
            let _ended = self.process.wait();
        }
    }
}
