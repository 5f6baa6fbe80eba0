//! What a site says about itself, as the bytes that were signed. `placement` reads them;
//! the catalog looks at nothing but their length.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The bytes of a statement; `Debug` shows the length only.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatementBytes(Vec<u8>);

impl StatementBytes {
    /// Wraps the bytes of a statement.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for StatementBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for StatementBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for StatementBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementBytes({} bytes)", self.0.len())
    }
}
