//! What must hold; one file each.

mod catalogs_equal;
mod nobody_accused;
mod policies_kept;
mod read_everywhere;
pub(crate) mod refusals;
mod settles;
mod stamps_not_ahead;

pub(crate) use catalogs_equal::catalogs_equal;
pub(crate) use nobody_accused::nobody_accused;
pub(crate) use policies_kept::policies_kept;
pub(crate) use read_everywhere::read_everywhere;
pub(crate) use settles::settles;
pub(crate) use stamps_not_ahead::stamps_not_ahead;
