//! What a node that has started says about itself.

/// Where everything is; without secrets.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// Whether this start made the node.
    pub first_start: bool,
    /// For S3 clients.
    pub s3_endpoint: String,
    /// The region they sign for.
    pub region: String,
    /// For operators.
    pub admin_url: String,
    /// The data directory.
    pub data: String,
    /// The directories of fragments.
    pub disks: Vec<String>,
    /// The credentials file, if it is there.
    pub credentials: Option<String>,
}
