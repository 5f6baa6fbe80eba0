//! Inline body: the sealed bytes of a small object, in a row of their own so
//! that listings do not drag them along.
//!
//! ```text
//! 1 | sealed bytes
//! ```

use serde::{Deserialize, Serialize};

use crate::name::SealedBytes;

/// An inline body's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlineBody {
    /// The sealed body.
    pub sealed: SealedBytes,
}
