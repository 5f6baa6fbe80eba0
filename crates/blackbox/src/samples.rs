//! Real documents to move through real clients.
//!
//! `ESSAIM_SAMPLES` names a folder of real documents (`cargo xtask test` says which are
//! used); with or without it, files of the sizes where storage code changes its path are
//! made, the same on each run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Sizes in bytes around every boundary: empty, inline, one chunk, one stripe, several parts.
const SIZES: &[usize] =
    &[0, 1, 8 * 1024, 8 * 1024 + 1, 64 * 1024, 65_537, 1 << 20, (4 << 20) + 1, 17 << 20];

/// A folder of documents, with names as people give them.
pub fn folder(inside: &Path) -> Result<PathBuf> {
    let folder = inside.join("documents");
    fs::create_dir_all(folder.join("délibérations 2026"))?;
    if let Some(real) = std::env::var_os("ESSAIM_SAMPLES") {
        let real = PathBuf::from(real);
        for entry in fs::read_dir(&real)
            .with_context(|| format!("ESSAIM_SAMPLES={} cannot be read", real.display()))?
        {
            let path = entry?.path();
            if path.is_file() {
                let name = path.file_name().context("a file without a name")?;
                fs::copy(&path, folder.join(name))?;
            }
        }
    }
    for (number, size) in SIZES.iter().enumerate() {
        let name = format!("délibérations 2026/pièce n°{number} + annexe.bin");
        fs::write(folder.join(name), bytes(*size, number))?;
    }
    Ok(folder)
}

/// Bytes that neither repeat nor compress, from a seed.
pub fn bytes(length: usize, seed: usize) -> Vec<u8> {
    let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Fails unless both folders hold the same files with the same bytes.
pub fn ensure_same(left: &Path, right: &Path) -> Result<()> {
    let (a, b) = (files(left)?, files(right)?);
    ensure!(!a.is_empty(), "{} holds no file: the comparison would prove nothing", left.display());
    ensure!(a == b, "other files on each side:\n  {a:?}\n  {b:?}");
    for name in &a {
        ensure!(
            fs::read(left.join(name))? == fs::read(right.join(name))?,
            "{}: other bytes came back",
            name.display()
        );
    }
    Ok(())
}

/// Every file below a folder, relative and sorted.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory)
            .with_context(|| format!("{} cannot be read", directory.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}
