//! The sites as placement sees them at this moment.

use admin::{Fault, FaultKind};
use placement::SiteMap;
use units::Epoch;

use super::{SiteOperations, undone};

impl SiteOperations {
    /// All sites: what they state, and what they can take now; none before the first has said
    /// who it is.
    pub(super) fn placement_map(&self) -> Result<SiteMap, Fault> {
        match self.objects.sites_all().map_err(|error| undone(&error))? {
            Some(now) => Ok(now.map),
            None => SiteMap::new(Epoch::ZERO, Vec::new()).map_err(|error| {
                Fault::new(FaultKind::Internal, error.to_string(), "see essaim site list")
            }),
        }
    }
}
