//! What an operator is told when something cannot be done: one clear sentence,
//! and what to do.

use std::io::ErrorKind;
use std::path::Path;

use disk::DiskError;
use thiserror::Error;

/// Something that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Trouble {
    /// What is the matter.
    pub message: String,
    /// What to do about it.
    pub what_to_do: String,
}

impl Trouble {
    /// A trouble and its cure.
    pub fn new(message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { message: message.into(), what_to_do: what_to_do.into() }
    }
}

/// An error with all its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A file or directory that an operator named.
pub(crate) fn about_file(path: &Path, error: &DiskError) -> Trouble {
    let path = path.display();
    match error {
        DiskError::NotFound { .. } => {
            Trouble::new(format!("{path} is not there"), "check the path")
        }
        DiskError::AlreadyExists { .. } => {
            Trouble::new(format!("{path} exists already"), "name another, or move it away")
        }
        DiskError::Full { .. } => {
            Trouble::new(format!("there is no room left for {path}"), "make room and try again")
        }
        DiskError::TooLong { length_max, .. } => Trouble::new(
            format!("{path} is longer than {length_max} bytes"),
            "is it the file you meant?",
        ),
        other => {
            Trouble::new(format!("{path}: {}", chain(other)), "check the path and its permissions")
        }
    }
}

/// A directory the node is to work in.
pub(crate) fn about_directory(path: &Path, error: &DiskError) -> Trouble {
    let shown = path.display();
    match error {
        DiskError::Locked { owner, .. } => Trouble::new(
            format!("{shown} is in use by {owner}"),
            "stop that node first (kill -TERM), or give this one another --data or --disk",
        ),
        DiskError::AlreadyExists { .. } => Trouble::new(
            format!("{shown} is not a directory"),
            "name a directory, or one that is not there yet",
        ),
        DiskError::Io { source, .. }
            if matches!(source.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) =>
        {
            Trouble::new(
                format!("{shown} is a file, or lies below one"),
                "name a directory, or one that is not there yet: --data DIR (or --disk DIR)",
            )
        }
        DiskError::Io { source, .. } => Trouble::new(
            format!("{shown} cannot be used: {source}"),
            "name a directory that this user may write, with --data (or --disk)",
        ),
        other => about_file(path, other),
    }
}
