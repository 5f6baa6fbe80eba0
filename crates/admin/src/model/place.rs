//! Where the bytes of an object lie.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::DiskReach;

/// Which object.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhereAsk {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version; the current one if absent.
    #[serde(default)]
    pub version_id: Option<String>,
}

/// How the bytes of an object are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keeping {
    /// There are none.
    Empty,
    /// In the catalog, at each site that keeps it.
    Catalog,
    /// As fragments on disks.
    Fragments,
}

/// A fragment of a part, one for each slot.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WhereFragment {
    /// Its slot, from 0; data before parity.
    pub slot: u64,
    /// The disk.
    pub disk: String,
    /// What is known of the way to the disk.
    pub reach: DiskReach,
    /// The node of the disk, if the disk is on the map.
    pub node: Option<String>,
    /// The name of the site, if the disk is on the map.
    pub site: Option<String>,
    /// The commune of the site, if it says so.
    pub commune: Option<String>,
    /// Who runs the site, if it says so.
    pub operator: Option<String>,
    /// When the site last proved that it has a fragment, drawn among all it has; none if it
    /// never did.
    #[serde(default)]
    pub proved: Option<String>,
}

/// A part of the object.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WherePart {
    /// Its number, from 1.
    pub number: u64,
    /// Its id.
    pub part: String,
    /// Its bytes, before sealing and coding.
    pub bytes: u64,
    /// Fragments that give it back.
    pub data: u64,
    /// Fragments more than that.
    pub parity: u64,
    /// Sites on which fragments lie.
    pub sites: u64,
    /// How many of these may vanish, whichever they are, and it can still be read; none if
    /// too many of its disks are missing already. Disks that do not answer count as well.
    pub sites_may_vanish: Option<u64>,
    /// The same for disks.
    pub disks_may_vanish: Option<u64>,
    /// Fragments whose disk is there now.
    pub there: u64,
    /// Its fragments.
    pub fragments: Vec<WhereFragment>,
}

/// A site that keeps the catalog, and so an object that is in it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WhereCatalog {
    /// The name of the site.
    pub site: String,
    /// The commune of the site, if it says so.
    pub commune: Option<String>,
    /// Who runs the site, if it says so.
    pub operator: Option<String>,
    /// Whether it is a witness: it has the catalog, and no key to open what lies there.
    pub witness: bool,
    /// Whether it votes: what was answered is at a majority of those that do.
    pub votes: bool,
    /// Whether a node of it that keeps the catalog answers now; none if that is not known.
    pub reachable: Option<bool>,
}

/// Where an object is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Where {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version.
    pub version_id: String,
    /// Its bytes.
    pub bytes: u64,
    /// How they are kept.
    pub keeping: Keeping,
    /// The least that may vanish of any part's sites; none if a part cannot be read, or
    /// nothing lies on disks.
    pub sites_may_vanish: Option<u64>,
    /// Its parts in order, the first thousand; none if it is in the catalog.
    pub parts: Vec<WherePart>,
    /// How many parts it has.
    pub parts_count: u64,
    /// The sites that keep the catalog, if it is in there.
    pub catalog: Vec<WhereCatalog>,
}
