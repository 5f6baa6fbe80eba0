//! Clocks of sites that can be set: libfaketime in front of the process, which reads from a
//! file by how much its clock is off. The stop-watch (`CLOCK_MONOTONIC`) is left as it is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// By how much the clock of a site is off, in its folder.
const FILE: &str = "clock";

/// What stands before the program of a site whose clock can be set.
pub fn wrapper(own: &Path) -> Result<Vec<OsString>> {
    set(own, 0)?;
    let mut file = OsString::from("FAKETIME_TIMESTAMP_FILE=");
    file.push(own.join(FILE));
    let mut preload = OsString::from("LD_PRELOAD=");
    preload.push(library()?);
    let once = ["FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_CACHE_DURATION=1"];
    let mut words = vec![OsString::from("env"), preload, file];
    words.extend(once.map(OsString::from));
    Ok(words)
}

/// Sets a site's clock so many hours off.
pub fn set(own: &Path, hours: i64) -> Result<()> {
    // At once or not at all: it may be read at any moment.
    let new = own.join("clock.new");
    fs::write(&new, format!("{:+}\n", hours * 3_600))?;
    Ok(fs::rename(new, own.join(FILE))?)
}

fn library() -> Result<PathBuf> {
    let found = fs::read_dir("/usr/lib")?
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| path.is_file());
    found.context("libfaketime is not installed: `apt-get install libfaketime`")
}
