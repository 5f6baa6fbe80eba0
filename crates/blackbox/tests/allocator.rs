//! The allocator's settings of decision 0011 are in the binary: they come in through
//! a variable of the build, which a build from elsewhere or from a cache can lack.

use std::process::Command;

use anyhow::{Result, ensure};
use blackbox::binary;

/// What the allocator says that it goes by, with nothing said to it from outside.
const EFFECTIVE: &[&str] = &[
    "config.malloc_conf: \"percpu_arena:percpu,dirty_decay_ms:1000,muzzy_decay_ms:0\"",
    "opt.percpu_arena: \"percpu\"",
    "opt.dirty_decay_ms: 1000 ",
    "opt.muzzy_decay_ms: 0 ",
];

#[test]
fn the_allocator_goes_by_the_settings_that_were_decided() -> Result<()> {
    // Only makes it speak, at the end of the process.
    let output = Command::new(binary()?)
        .arg("--version")
        .env_remove("MALLOC_CONF")
        .env("_RJEM_MALLOC_CONF", "stats_print:true")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    for effective in EFFECTIVE {
        ensure!(said.contains(effective), "not {effective}, but\n{said}");
    }
    Ok(())
}
