//! Relative paths of plain names: nothing else ever reaches the operating system.

use crate::DiskError;

/// Fails unless every name in the path is plain; the root, `""`, is allowed only
/// where a directory is meant.
pub(crate) fn check_file(path: &str) -> Result<(), DiskError> {
    let plain =
        |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains('\0');
    if path.split('/').all(plain) { Ok(()) } else { Err(DiskError::BadPath { path: path.into() }) }
}

/// As [`check_file`], but the root may be meant.
pub(crate) fn check_directory(path: &str) -> Result<(), DiskError> {
    if path.is_empty() { Ok(()) } else { check_file(path) }
}

/// The directory that holds a path; `""` for the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last name of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_pass() {
        for good in ["a", "a/b", "segments/00000001.seg", ".hidden", "a..b"] {
            assert!(check_file(good).is_ok(), "{good:?}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0b"] {
            assert!(check_file(bad).is_err(), "{bad:?}");
        }
        assert!(check_directory("").is_ok());
        assert_eq!((parent("a/b/c"), name("a/b/c")), ("a/b", "c"));
        assert_eq!((parent("a"), name("a")), ("", "a"));
    }
}
