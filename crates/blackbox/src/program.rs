//! Other people's programs: found, run, and shown when they fail.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A client program with the environment it needs.
pub struct Program {
    command: Command,
}

impl Program {
    /// A program from the `PATH`, or from the folder that `cargo xtask test` fills.
    pub fn named(name: &str) -> Result<Self> {
        let folder = PathBuf::from(std::env::var_os("ESSAIM_CLIENTS").unwrap_or_default());
        let own = [
            folder.join("python/bin").join(name),
            folder.join("node/node_modules/.bin").join(name),
        ];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = own
            .into_iter()
            .chain(std::env::split_paths(&path).map(|directory| directory.join(name)))
            .find(|candidate| candidate.is_file())
            .with_context(|| {
                format!("the client `{name}` is not installed: `cargo xtask test` installs it")
            })?;
        let mut command = Command::new(found);
        command.stdin(Stdio::null());
        // What the surroundings say about AWS is not meant for the node under test.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        Ok(Self { command })
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Runs it to the end; a failure shows everything it printed.
    pub fn run(mut self) -> Result<String> {
        let shown = format!("{:?}", self.command);
        let output = self.command.output().with_context(|| format!("{shown} did not start"))?;
        if !output.status.success() {
            bail!(
                "{shown} failed ({}):\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The command itself, for programs that run beside the test.
    pub fn into_command(self) -> Command {
        self.command
    }
}
