//! Planted bugs: deliberate faults that tests switch on one at a time, to prove
//! that the tests would notice them.
//!
//! A place that carries one asks `if planted::is_on("fragments-skip-sync")`.
//! Without the cargo feature `planted` that is a constant `false`, and the
//! compiler removes the branch; with it, at most one bug is on in a process,
//! chosen with `select`.
//!
//! **Invariant**: no release is built with the feature, and with the feature but
//! nothing selected every crate behaves as without it.

/// Whether this planted bug is switched on; always `false` without the feature.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[expect(clippy::inline_always, reason = "the branch behind it must vanish from every build")]
pub const fn is_on(_name: &str) -> bool {
    false
}

/// Whether this planted bug is switched on; always `false` without the feature.
#[cfg(feature = "planted")]
pub fn is_on(name: &str) -> bool {
    *switch::SELECTED.read().unwrap_or_else(std::sync::PoisonError::into_inner) == Some(name)
}

/// Switches one planted bug on for the whole process, or all off.
#[cfg(feature = "planted")]
pub fn select(name: Option<&'static str>) {
    *switch::SELECTED.write().unwrap_or_else(std::sync::PoisonError::into_inner) = name;
}

#[cfg(feature = "planted")]
mod switch {
    //! The one selected bug.
    use std::sync::RwLock;

    pub(super) static SELECTED: RwLock<Option<&'static str>> = RwLock::new(None);
}

/// A planted bug, as a crate lists it in its `PLANTED` constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlantedBug {
    /// Its name: the crate, a dash, what it does wrong.
    pub name: &'static str,
    /// What it does wrong, in a sentence.
    pub what: &'static str,
}
