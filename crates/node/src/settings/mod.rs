//! Settings: one table, from which flags, the TOML file, the environment,
//! `--help` and the reference page come.
//!
//! A setting is looked for on the command line, then in the environment, then in
//! the file, then has its default. Every default is safe: loopback addresses, a
//! data directory of one's own, no secret. All faults are told at once.

mod file;
mod reference;
mod resolve;
mod table;
mod value;

use core::time::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;

use placement::Language;

pub use reference::reference_page;
pub use resolve::{Fault, Faults, Sources};
pub use table::{SETTINGS, Setting};
pub use value::Kind;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Who owns what others write into a bucket that was created without saying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultOwnership {
    /// The bucket's owner owns everything.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner, if the writer says so.
    BucketOwnerPreferred,
    /// The writer.
    ObjectWriter,
}

/// How much S3 clients may ask at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientLimits {
    /// Connections in all.
    pub connections: u32,
    /// Connections of one address.
    pub connections_per_address: u32,
    /// Requests worked on at once; 0: by the number of cores.
    pub requests_at_once: u32,
    /// Requests per second of one tenant; 0: no limit.
    pub rate_per_tenant: u32,
    /// Requests per second of one access key; 0: no limit.
    pub rate_per_access_key: u32,
    /// Unsigned requests per second of one address; 0: no limit.
    pub rate_per_address: u32,
    /// Wrong signatures that shut an address out; 0: none do.
    pub wrong_signatures: u32,
}

/// A bucket of another S3 system that is a disk of this node; all or nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketSettings {
    /// `s3://BUCKET/PREFIX`.
    pub url: Option<String>,
    /// The address of the other system.
    pub endpoint: Option<String>,
    /// The region that it wants in signatures.
    pub region: String,
    /// A file with an access key of it.
    pub credentials: Option<PathBuf>,
    /// What the disk may fill, in bytes.
    pub room: Option<u64>,
}

/// What a node is told before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Directories for fragments, one a disk; none means one inside `data`.
    pub disks: Vec<PathBuf>,
    /// A bucket of another system that is a disk too.
    pub bucket: BucketSettings,
    /// Whether to start although a known disk is missing.
    pub allow_missing_disks: bool,
    /// Where S3 is served.
    pub s3_listen: SocketAddr,
    /// Where the API and the status page are served.
    pub admin_listen: SocketAddr,
    /// Where other sites connect.
    pub cluster_listen: SocketAddr,
    /// Whether that was asked for, and is not the usual one.
    pub cluster_listen_given: bool,
    /// Where other sites reach this node, if not where it listens.
    pub cluster_addresses: Vec<String>,
    /// The token of an invitation to join a cluster.
    pub join: Option<String>,
    /// What the site says about itself.
    pub site_file: Option<PathBuf>,
    /// Where the first start writes the credentials; none means inside `data`.
    pub credentials: Option<PathBuf>,
    /// The region S3 clients sign for.
    pub region: String,
    /// A domain under which buckets are host names.
    pub virtual_host_domain: Option<String>,
    /// A domain under which static websites are served.
    pub website_domain: Option<String>,
    /// A file with the passphrase that protects the root key.
    pub passphrase_file: Option<PathBuf>,
    /// Who owns what others write, unless the bucket says.
    pub default_object_ownership: DefaultOwnership,
    /// Whether clients may bring keys of their own, unless the bucket says.
    pub default_sse_c: bool,
    /// How long a lifecycle day is.
    pub lifecycle_day: Duration,
    /// How long a scrub may take its time over everything.
    pub scrub_days: u32,
    /// How long the disks of a site that does not answer are waited for.
    pub away_lost_after: Duration,
    /// How much S3 clients may ask at once.
    pub limits: ClientLimits,
    /// The language in which faults of `site.toml` are told; none means the machine's.
    pub language: Option<Language>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log: String,
}

/// Warns of variables whose name begins as a setting's and is none's, nor one of
/// `others`: most likely it is misspelt. Values are not told.
pub fn warn_of_unknown(names: impl Iterator<Item = String>, others: &[&str]) {
    for name in unknown(names, others) {
        tracing::warn!(
            name,
            "there is no such setting: the environment variable is ignored (see essaim up --help)"
        );
    }
}

fn unknown(names: impl Iterator<Item = String>, others: &[&str]) -> Vec<String> {
    let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
    let is_unknown = |name: &String| {
        name.starts_with("ESSAIM_") && !known.contains(name) && !others.contains(&name.as_str())
    };
    names.filter(is_unknown).collect()
}

impl Settings {
    /// Where the first start writes the credentials.
    pub fn credentials_file(&self) -> PathBuf {
        self.credentials.clone().unwrap_or_else(|| self.data.join("credentials.json"))
    }

    /// The directories for fragments.
    pub fn disk_directories(&self) -> Vec<PathBuf> {
        // Who names a bucket and nothing else wants nothing else.
        if self.disks.is_empty() && self.bucket.url.is_none() {
            vec![self.data.join("disk")]
        } else {
            self.disks.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_misspelt_variable_is_found() {
        let names = ["ESSAIM_REGOIN", "ESSAIM_REGION", "ESSAIM_ADMIN_URL", "HOME"];
        let found = unknown(names.map(str::to_owned).into_iter(), &["ESSAIM_ADMIN_URL"]);
        assert_eq!(found, ["ESSAIM_REGOIN"]);
    }
}
