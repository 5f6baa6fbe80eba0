//! The last warnings and errors, for the status page and `essaim status`.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use units::Timestamp;

use crate::limits::{LAST_ERROR_BYTES_MAX, LAST_ERRORS_MAX};

/// One warning or error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// When it was logged.
    pub at: Timestamp,
    /// `warn` or `error`.
    pub level: &'static str,
    /// The room that said it.
    pub room: String,
    /// What it said, with its fields, without secrets, cut if long.
    pub message: String,
}

/// A bounded ring of the last warnings and errors; clones share it.
#[derive(Clone, Debug, Default)]
pub struct LastErrors {
    ring: Arc<Mutex<VecDeque<LastError>>>,
}

impl LastErrors {
    /// An empty ring.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; the oldest leaves when the ring is full.
    pub fn push(&self, mut error: LastError) {
        let cut = floor_char_boundary(&error.message, LAST_ERROR_BYTES_MAX);
        error.message.truncate(cut);
        let mut ring = self.ring.lock();
        if ring.len() == LAST_ERRORS_MAX {
            ring.pop_front();
        }
        ring.push_back(error);
    }

    /// The newest first, at most `count`.
    pub fn newest(&self, count: usize) -> Vec<LastError> {
        self.ring.lock().iter().rev().take(count).cloned().collect()
    }
}

/// The last position up to `limit` at which `text` may be cut.
pub(crate) fn floor_char_boundary(text: &str, limit: usize) -> usize {
    let mut cut = text.len().min(limit);
    while !text.is_char_boundary(cut) {
        cut = cut.saturating_sub(1);
    }
    cut
}

#[cfg(test)]
mod tests {
    use units::Timestamp;

    use super::{LastError, LastErrors};
    use crate::limits::{LAST_ERROR_BYTES_MAX, LAST_ERRORS_MAX};

    fn error(message: String) -> LastError {
        LastError { at: Timestamp::EPOCH, level: "error", room: "disk".to_owned(), message }
    }

    #[test]
    fn the_ring_keeps_the_newest_and_has_an_end() {
        let errors = LastErrors::new();
        for number in 0..LAST_ERRORS_MAX + 3 {
            errors.push(error(number.to_string()));
        }
        let kept = errors.newest(usize::MAX);
        assert_eq!(kept.len(), LAST_ERRORS_MAX);
        assert_eq!(kept.first().unwrap().message, (LAST_ERRORS_MAX + 2).to_string());
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let errors = LastErrors::new();
        errors.push(error("é".repeat(LAST_ERROR_BYTES_MAX)));
        let kept = errors.newest(1);
        assert_eq!(kept.first().unwrap().message.len(), LAST_ERROR_BYTES_MAX);
    }
}
