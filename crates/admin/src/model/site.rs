//! The sites of the cluster, as the node that is asked knows them.
//!
//! What that node cannot know at this moment is none, and never an old value.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DiskState, SiteCustody};

/// Whether a site takes fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteState {
    /// It does.
    Active,
    /// It is being emptied.
    Draining,
}

/// What a node does for the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatalogSeat {
    /// It orders the commands.
    Leads,
    /// It votes on them.
    Votes,
    /// It has the catalog and does not vote.
    Keeps,
    /// It has no seat, or none yet.
    None,
}

/// What is known of the way to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiskReach {
    /// Its node is here or answers, and has opened it.
    There,
    /// Its node does not answer: the disk may be well.
    Unreachable,
    /// Its node has not opened it.
    Missing,
    /// No node is known to have it.
    Unknown,
}

/// A disk of a site.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteDisk {
    /// Its id.
    pub id: String,
    /// What is known of the way to it.
    pub reach: DiskReach,
    /// Whether it takes writes; none if that is not known now.
    pub state: Option<DiskState>,
    /// Size of its file system; none if that is not known now.
    pub total_bytes: Option<u64>,
    /// What may still be written; none if that is not known now.
    pub free_bytes: Option<u64>,
    /// What fragments take on it; none if that is not known now.
    pub used_bytes: Option<u64>,
}

/// A node of a site.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteNode {
    /// Its id.
    pub id: String,
    /// Whether it is the one that was asked.
    pub is_this: bool,
    /// Whether it answers now; none if that is not known.
    pub reachable: Option<bool>,
    /// Seconds since something was last heard from it; none if never since this node
    /// started, or if it is this one.
    pub heard_seconds_ago: Option<u64>,
    /// How long a small question and its answer take, in microseconds.
    pub round_trip_micros: Option<u64>,
    /// What it does for the catalog, as far as this node has heard.
    pub catalog: CatalogSeat,
    /// `full`, `storage` or `witness`.
    pub role: String,
    /// Where the others reach it.
    pub addresses: Vec<String>,
    /// Since when it belongs to the cluster.
    pub joined: String,
    /// Its disks.
    pub disks: Vec<SiteDisk>,
}

/// A certificate that a site states.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteCertification {
    /// What is certified.
    pub name: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// Whether it holds today.
    pub holds: bool,
}

/// Whether a signature is what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureCheck {
    /// It was checked just now, and is good.
    Good,
    /// It was checked just now, and is wrong.
    Wrong,
    /// The node that signed is not on the map: nobody can check it.
    SignerUnknown,
}

/// Who vouches for a statement.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteSignature {
    /// The node that signed.
    pub node: String,
    /// The name of its site, if it is on the map.
    pub site: Option<String>,
    /// Whether the signature is good.
    pub check: SignatureCheck,
}

/// What a site says about itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteStatement {
    /// The country, by its code.
    pub country: String,
    /// The commune as people read it.
    pub commune: String,
    /// The département, by its code.
    pub departement: String,
    /// Degrees north, in millionths.
    pub latitude_micro_degrees: i32,
    /// Degrees east, in millionths.
    pub longitude_micro_degrees: i32,
    /// Who runs it.
    pub operator: String,
    /// The operator's number in the French register.
    pub siren: Option<String>,
    /// The country from which the operator is controlled.
    pub control_country: String,
    /// What kind of place it is.
    pub hosting: String,
    /// Where its energy comes from.
    pub energy: Option<String>,
    /// What is certified.
    pub certifications: Vec<SiteCertification>,
}

/// A statement and who vouches for it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteVouched {
    /// What is said; none if its signature is not good or it cannot be read.
    pub statement: Option<SiteStatement>,
    /// By a node of the site.
    pub signed: SiteSignature,
    /// By a node of another site that has seen it, if one has.
    pub countersigned: Option<SiteSignature>,
    /// From when on it counts no more.
    pub until: String,
    /// Whether that is over.
    pub expired: bool,
}

/// Fragment slots of parts, and bytes of objects in them, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MovingSlots {
    /// How many slots.
    pub slots: u64,
    /// Bytes of objects in them.
    pub bytes: u64,
}

/// What of one site moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteMoves {
    /// What is still to leave it.
    pub leaves: MovingSlots,
    /// What must not stay and cannot move now: no other place is right for it, or a repair
    /// comes first.
    pub stays: MovingSlots,
    /// Deleted data at a site that is emptied, to be cleared away before it can be removed.
    #[serde(default)]
    pub clearing: MovingSlots,
    /// What has left since the sites are as they are.
    pub left: MovingSlots,
    /// What has come since then.
    pub came: MovingSlots,
}

/// What the node that moves parts does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovesPhase {
    /// It counts what is to move.
    Counting,
    /// It moves it.
    Moving,
    /// There is nothing to move now.
    Resting,
}

/// What is moving between sites.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Moves {
    /// When this was said: every ten seconds while something moves.
    pub said: String,
    /// What is done.
    pub phase: MovesPhase,
    /// Whether what is to move was counted whole. Before, there is more than is said.
    pub counted: bool,
    /// Everything that is still to leave a site, or for balance.
    pub to_move: MovingSlots,
    /// Of that, what would make sites more equally full, at most.
    pub balance: MovingSlots,
    /// Of that, parts that no move mends and that are cut anew with another code.
    #[serde(default)]
    pub recuts: MovingSlots,
    /// Parts that do not lie as their policy wants, and that neither a move mends nor another
    /// code.
    pub stuck_parts: u64,
    /// Of these, parts that survive less than their policy asks for.
    pub at_risk_parts: u64,
    /// Why one of them does not move.
    pub why: Option<String>,
    /// Parts that wait for a repair.
    pub waiting_parts: u64,
    /// Bytes that move in a second; none if nothing has moved long enough to say.
    pub bytes_per_second: Option<u64>,
    /// Seconds until all is moved, at that rate.
    pub seconds_left: Option<u64>,
}

/// A site of the cluster.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Site {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether the node that was asked is of it.
    pub is_this: bool,
    /// Whether it keeps no data and is there to vote.
    pub witness: bool,
    /// Whether it takes fragments.
    pub state: SiteState,
    /// Since when it is being emptied, if it is.
    pub draining_since: Option<String>,
    /// Since when it belongs to the cluster.
    pub joined: String,
    /// The name of the site that takes its place, if one does.
    pub replaced_by: Option<String>,
    /// What of it moves; none if that is not counted yet.
    pub moves: Option<SiteMoves>,
    /// What it has proven to keep; none if it was never asked.
    #[serde(default)]
    pub custody: Option<SiteCustody>,
    /// What it says about itself, if it has said it.
    pub vouched: Option<SiteVouched>,
    /// Its nodes.
    pub nodes: Vec<SiteNode>,
}

/// The sites, and what the catalog stands on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Sites {
    /// Whether this node has just made sure that its catalog is that of the cluster. If
    /// not, everything here is what it last heard.
    pub is_current: bool,
    /// Sites that vote.
    pub voting: u64,
    /// How many of these may be away before nothing is written any more.
    pub may_be_away: u64,
    /// How many of these do not answer now.
    pub voting_unreachable: u64,
    /// What is moving between sites; none if that is not counted yet, or never was.
    pub moves: Option<Moves>,
    /// The sites, by name.
    pub sites: Vec<Site>,
}

/// A `site.toml`, as text.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteFileText {
    /// The text of the file.
    pub site_file: String,
}

/// Whether a site is to be emptied.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteDrainSet {
    /// Whether it is, from now on.
    pub draining: bool,
}

/// How a site is to be removed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteRemoveAsk {
    /// It never comes back, and what lies there is lost.
    pub lost: bool,
}

/// Which site takes the place of another.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteReplaceAsk {
    /// The name of the new site, or the first digits of its id; it has joined.
    pub by: String,
    /// The old one never comes back, and what lies there is lost.
    pub lost: bool,
}

/// A step towards removing a site.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteRemoveStep {
    /// Whether it was the last: the site is off the map.
    pub finished: bool,
    /// Most parts that one step looks at.
    pub parts_looked_at: u64,
}
