//! `essaim completions` and `essaim man`.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;

pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "essaim", &mut script);
    crate::output::print(format_args!("{}", String::from_utf8_lossy(&script)));
    Ok(())
}

pub(super) fn manual(directory: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::failed(
            format!("{} cannot be written: {error}", directory.display()),
            "name a directory that you may write",
        )
    };
    node::directory_create(directory)?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(failed)?;
    say!("{}", directory.display());
    Ok(())
}
