//! Commands about the site map: sites, nodes, invitations, policies.

use serde::{Deserialize, Serialize};
use units::{DiskId, Epoch, InviteId, NodeId, NodePublicKey, SiteId, TenantId, Timestamp};

use super::{
    BucketRef, Command, ObjectPut, PartCopyAdd, PartRecut, PartSlotMove, PartStep, UploadPartPut,
};
use crate::name::{NodeAddress, SiteName};
use crate::record::{NodeRole, SignedStatement};

/// A site that is to be on the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteNew {
    /// Its id, drawn.
    pub id: SiteId,
    /// Its name, unique in the cluster.
    pub name: SiteName,
    /// What it says about itself; its signatures were checked by the proposer.
    pub statement: Option<SignedStatement>,
}

/// A node that is to be on the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeNew {
    /// Its id, drawn.
    pub id: NodeId,
    /// What it proves itself by; the proposer has seen it do so.
    pub key: NodePublicKey,
    /// Where it is reached, best first.
    pub addresses: Vec<NodeAddress>,
    /// What it does.
    pub role: NodeRole,
    /// The disks it counts on.
    pub disks: Vec<DiskId>,
}

/// Says who the first site is, which has been alone so far. Saying it again changes
/// nothing; once there is a map, no other site founds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapFound {
    /// The site.
    pub site: SiteNew,
    /// Its node.
    pub node: NodeNew,
}

/// Lets one node join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteCreate {
    /// Its id, drawn.
    pub id: InviteId,
    /// The public half of the token.
    pub key: NodePublicKey,
    /// What the node is to do.
    pub role: NodeRole,
    /// From this instant on it opens nothing.
    pub expires: Timestamp,
    /// Who makes it, in the operator's words.
    pub made_by: String,
}

/// Takes an invitation back that nobody has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRevoke {
    /// Which.
    pub id: InviteId,
}

/// The site that a node joins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SiteJoin {
    /// One that comes with it.
    New(Box<SiteNew>),
    /// One that is on the map.
    Existing(SiteId),
}

/// Puts a node on the map, by an invitation whose token it has proven to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeJoin {
    /// By which invitation.
    pub invite: InviteId,
    /// At which site.
    pub site: SiteJoin,
    /// The node.
    pub node: NodeNew,
}

/// Says where a node is reached, and which disks it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSet {
    /// Which.
    pub node: NodeId,
    /// Where it is reached from now on; `None`: as before.
    pub addresses: Option<Vec<NodeAddress>>,
    /// All disks it counts on; `None`: as before. One that another node listed is this
    /// one's from now on; one that is not named any more must have been forgotten.
    pub disks: Option<Vec<DiskId>>,
}

/// Stores what a site says about itself, and the name that it gives itself there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteStatementSet {
    /// Which site.
    pub site: SiteId,
    /// Its name from now on, unique in the cluster.
    pub name: SiteName,
    /// The statement; its signatures were checked by the proposer.
    pub statement: SignedStatement,
}

/// Has a site emptied, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteDrain {
    /// Which.
    pub site: SiteId,
    /// Whether it is emptied from now on.
    pub on: bool,
}

/// Takes a site off the map: at once if it is lost, else in steps, of which the one that
/// finds no more parts to look at is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRemove {
    /// Which.
    pub site: SiteId,
    /// It never comes back, and what lies there is lost: parts keep their slots on its
    /// disks until they are repaired elsewhere.
    pub lost: bool,
    /// Most parts to look at.
    pub rows: u32,
}

/// What a policy is set for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyTarget {
    /// All that the cluster holds.
    Cluster,
    /// All that a tenant has.
    Tenant(TenantId),
    /// One bucket.
    Bucket(BucketRef),
}

/// Sets a placement policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySet {
    /// For what.
    pub target: PolicyTarget,
    /// What it says, checked by the proposer; `None` removes it.
    pub text: Option<String>,
}

/// A command that brings slots, and so rests on a placement, or a policy, which was found
/// to be one that the sites can keep. Only such a one can be [`Placed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlacedCommand {
    /// Writes a version.
    ObjectPut(Box<ObjectPut>),
    /// Adds or replaces a part of an upload.
    UploadPartPut(UploadPartPut),
    /// Moves a fragment slot.
    PartSlotMove(PartSlotMove),
    /// Gives a part one copy more.
    PartCopyAdd(PartCopyAdd),
    /// Changes where a part lies that lies exactly so.
    PartStep(PartStep),
    /// Sets a placement policy.
    PolicySet(PolicySet),
    /// Says that a part has another code.
    PartRecut(Box<PartRecut>),
}

impl PlacedCommand {
    /// The command, if it is one that rests on the map.
    pub fn of(command: Command) -> Option<Self> {
        match command {
            Command::ObjectPut(ask) => Some(Self::ObjectPut(ask)),
            Command::UploadPartPut(ask) => Some(Self::UploadPartPut(ask)),
            Command::PartSlotMove(ask) => Some(Self::PartSlotMove(ask)),
            Command::PartCopyAdd(ask) => Some(Self::PartCopyAdd(ask)),
            Command::PartStep(ask) => Some(Self::PartStep(ask)),
            Command::PolicySet(ask) => Some(Self::PolicySet(ask)),
            Command::PartRecut(ask) => Some(Self::PartRecut(ask)),
            _ => None,
        }
    }
}

impl From<PlacedCommand> for Command {
    /// The same command, whatever the map is.
    fn from(command: PlacedCommand) -> Self {
        match command {
            PlacedCommand::ObjectPut(ask) => Self::ObjectPut(ask),
            PlacedCommand::UploadPartPut(ask) => Self::UploadPartPut(ask),
            PlacedCommand::PartSlotMove(ask) => Self::PartSlotMove(ask),
            PlacedCommand::PartCopyAdd(ask) => Self::PartCopyAdd(ask),
            PlacedCommand::PartStep(ask) => Self::PartStep(ask),
            PlacedCommand::PolicySet(ask) => Self::PolicySet(ask),
            PlacedCommand::PartRecut(ask) => Self::PartRecut(ask),
        }
    }
}

/// A command whose placement was decided on one version of the map. Refused as
/// [`MapChanged`](crate::Refusal::MapChanged) if there is another by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Which version; zero is that of no map.
    pub epoch: Epoch,
    /// What to do if it is still that one.
    pub command: PlacedCommand,
}
