//! View: every question about the catalog, answered from one state of its rows.

mod complete;
mod list;
mod map;
mod read;

use std::sync::Arc;

use thiserror::Error;

use crate::record::Damaged;
use crate::rows::{Rows, RowsError};

pub use complete::{CompletePlan, PartAsk};
pub use list::{
    After, AfterUpload, AfterVersion, ListAsk, ListPage, ListedObject, ListedUpload, ListedVersion,
};
pub use map::SiteMap;
pub use read::{FeedPage, Found};

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The engine failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A row is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// One state of the catalog, to be read.
#[derive(Clone)]
pub struct View {
    rows: Arc<dyn Rows>,
}

impl View {
    /// Reads from these rows.
    pub fn new(rows: Arc<dyn Rows>) -> Self {
        Self { rows }
    }

    /// The rows below.
    pub fn rows(&self) -> &dyn Rows {
        &*self.rows
    }
}

impl core::fmt::Debug for View {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("View")
    }
}
