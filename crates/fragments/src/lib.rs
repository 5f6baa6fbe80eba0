//! The fragment store: append-only segments on local disks.

mod error;
pub mod limits;
mod name;
mod report;
mod store;

pub use error::{OpenError, ReadError, WriteError};
pub use name::{Fragment, FragmentHeader, FragmentName, Listed};
pub use report::{CompactReport, DiskSpace, DiskState, ScrubCursor, ScrubReport};
pub use store::FragmentStore;
