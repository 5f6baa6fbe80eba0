//! Whether a policy can be kept at all: asked when it is saved.

use units::{SiteId, Timestamp};

use super::candidates::Candidates;
use super::search::TooLong;
use crate::refusal::Refusal;
use crate::{Geometry, Policy, SiteMap, Subject};

/// Sites that would keep a policy if all answer and have room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The code of new parts; nothing if one site is all there is, whose disks decide.
    pub geometry: Option<Geometry>,
    /// A set of sites; with a home that is the first and holds as many fragments as the
    /// code has of data, each other one.
    pub sites: Vec<SiteId>,
}

/// Whether there are sites for a policy, with an example; otherwise why not.
pub fn satisfiable(
    map: &SiteMap,
    policy: &Policy,
    subject: Subject<'_>,
    now: Timestamp,
) -> Result<Example, Refusal> {
    let candidates = Candidates::of(map, policy, subject, now)?;
    let (geometry, sites) = candidates.example().map_err(|TooLong| Refusal::SearchTooLong)?;
    Ok(Example { geometry, sites })
}
