//! All tests, black-box ones included, with what they need installed first.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{clients, shell};

/// Names a folder of real documents that clients move beside made ones.
const SAMPLES: &str = "ESSAIM_SAMPLES";

/// Where such a folder is looked for, seen from the workspace.
const SAMPLES_BESIDE: &str = "../shared/data/arretes";

/// All tests.
#[derive(Args, Default)]
pub struct Test {
    /// Do not install anything; tests whose client is missing then fail and name it.
    #[arg(long)]
    no_install: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

impl Test {
    /// Installs the clients, builds the binary the black-box tests drive, runs everything.
    pub fn run(self, root: &Path) -> Result<()> {
        if !self.no_install {
            clients::install(root)?;
        }
        shell::run(shell::cargo(root).args(["build", "--quiet", "--locked", "--bin", "essaim"]))?;
        let nextest = shell::is_installed("cargo-nextest");
        let mut tests = shell::cargo(root);
        if nextest {
            tests.args(["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]);
        } else {
            tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
        }
        tests.args(self.filter.iter());
        tests.env("ESSAIM_CLIENTS", clients::folder(root)?);
        documents(root, &mut tests)?;
        if !shell::is_root()? {
            eprintln!(
                "Left out, since only root can mount a file system: the test that fills a disk \
                 (faultlab, a_full_disk)."
            );
            tests.env("ESSAIM_WITHOUT_ROOT", "1");
        }
        shell::run(&mut tests)?;
        if nextest && self.filter.is_none() {
            // nextest does not run the examples in the documentation.
            shell::run(shell::cargo(root).args([
                "test",
                "--quiet",
                "--locked",
                "--workspace",
                "--doc",
            ]))?;
        }
        Ok(())
    }
}

/// Tells the tests where real documents are, if there are any, and says which are used.
fn documents(root: &Path, tests: &mut Command) -> Result<()> {
    let named = std::env::var_os(SAMPLES).map(PathBuf::from);
    let beside = root.join(SAMPLES_BESIDE);
    if let Some(folder) = &named {
        eprintln!(
            "Clients move the documents of {} ({SAMPLES}), and made files.",
            folder.display()
        );
    } else if beside.is_dir() {
        let folder = beside.canonicalize()?;
        eprintln!("Clients move the documents of {}, and made files.", folder.display());
        tests.env(SAMPLES, folder);
    } else {
        eprintln!("Clients move made files only; {SAMPLES}=FOLDER adds real documents.");
    }
    Ok(())
}
