//! What a node that has started says about itself.

use std::net::SocketAddr;

/// The cluster that a node was let into.
#[derive(Clone, Debug)]
pub struct JoinedCluster {
    /// Its id.
    pub id: String,
    /// The names of its other sites.
    pub others: Vec<String>,
    /// What the site of this node is called there.
    pub site: String,
}

/// Where everything is; without secrets.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// Whether this start made the node.
    pub first_start: bool,
    /// If this start joined a cluster: which one.
    pub joined: Option<JoinedCluster>,
    /// Whether it votes and keeps no data.
    pub witness: bool,
    /// For S3 clients.
    pub s3_endpoint: String,
    /// Where they are listened to, if that is every address of this machine.
    pub s3_everywhere: Option<SocketAddr>,
    /// The region they sign for.
    pub region: String,
    /// For operators.
    pub admin_url: String,
    /// Where these are listened to, if that is every address of this machine.
    pub admin_everywhere: Option<SocketAddr>,
    /// The data directory.
    pub data: String,
    /// The directories of fragments.
    pub disks: Vec<String>,
    /// Those that lie on one device with others, in groups.
    pub one_device: Vec<Vec<String>>,
    /// The credentials file, if it is there.
    pub credentials: Option<String>,
}
