//! Who the node is: ids that never change, and the disks it knows.
//!
//! ```text
//! { "format": "essaim-node-1", "node", "site", "cluster", "created",
//!   "complete", "joined"?, "witness"?, "disks": [ { "id", "directory" } ] }
//! ```
//! `joined` is there, and true, of a node that joined a cluster, `witness` of one that
//! keeps no fragment there.
//! `complete` says whether the first start came to its end.
//!
//! **Invariant**: written whole and durably before anything is written that
//! names one of its ids.

use std::path::PathBuf;

use disk::Disk;
use serde::{Deserialize, Serialize};
use units::{Clock, ClusterId, DiskId, NodeId, Random, SiteId, Timestamp};

use crate::files::NODE_FILE;
use crate::limits::RECORD_BYTES_MAX;
use crate::trouble::{Trouble, chain};

const FORMAT: &str = "essaim-node-1";

/// A disk, and where it was last; an empty path if that is not known, as after a
/// restore into a fresh directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownDisk {
    #[serde(with = "id_text")]
    pub(crate) id: DiskId,
    pub(crate) directory: PathBuf,
}

impl KnownDisk {
    /// Whether it is known where it was.
    pub(crate) fn has_place(&self) -> bool {
        !self.directory.as_os_str().is_empty()
    }

    /// Whether it is a bucket: its place is a URL, and no directory.
    pub(crate) fn is_bucket(&self) -> bool {
        self.directory.starts_with("s3:")
    }

    /// Whether it is known in which directory it was.
    pub(crate) fn has_directory(&self) -> bool {
        self.has_place() && !self.is_bucket()
    }

    /// Where it was, by a data directory in which its own disk lies.
    pub(crate) fn place_shown(&self, data: &str) -> String {
        if self.is_bucket() {
            return self.shown();
        }
        PathBuf::from(data).join(&self.directory).display().to_string()
    }

    /// Where it was, in words.
    pub(crate) fn shown(&self) -> String {
        if self.has_place() {
            self.directory.display().to_string()
        } else {
            format!("disk {} of the restored catalog", self.id)
        }
    }
}

/// Who the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    format: String,
    #[serde(with = "id_text")]
    pub(crate) node: NodeId,
    #[serde(with = "id_text")]
    pub(crate) site: SiteId,
    #[serde(with = "id_text")]
    pub(crate) cluster: ClusterId,
    pub(crate) created: Timestamp,
    pub(crate) complete: bool,
    /// Whether the node joined a cluster that others founded.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) joined: bool,
    /// Whether it joined as a witness.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) witness: bool,
    pub(crate) disks: Vec<KnownDisk>,
}

impl Identity {
    /// A node nobody has seen before.
    pub(crate) fn draw(random: &dyn Random, clock: &dyn Clock) -> Self {
        Self {
            format: FORMAT.to_owned(),
            node: NodeId::draw(random),
            site: SiteId::draw(random),
            cluster: ClusterId::draw(random),
            created: clock.now(),
            complete: false,
            joined: false,
            witness: false,
            disks: Vec::new(),
        }
    }

    /// A node nobody has seen before, which wants into a cluster, as a witness or to keep data.
    pub(crate) fn draw_joining(
        cluster: ClusterId,
        witness: bool,
        random: &dyn Random,
        clock: &dyn Clock,
    ) -> Self {
        Self { cluster, joined: true, witness, ..Self::draw(random, clock) }
    }

    /// The node whose data directory this is, if it is one.
    pub(crate) fn read(root: &dyn Disk) -> Result<Option<Self>, Trouble> {
        let damaged = |reason: String| {
            Trouble::new(
                format!("{NODE_FILE} in the data directory is damaged: {reason}"),
                "put it back from a copy, or restore into a fresh directory: essaim restore --help",
            )
        };
        let exists = root.exists(NODE_FILE).map_err(|error| damaged(chain(&error)))?;
        if !exists {
            return Ok(None);
        }
        let bytes = disk::read_file(root, NODE_FILE, RECORD_BYTES_MAX)
            .map_err(|error| damaged(chain(&error)))?;
        let identity: Self =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if identity.format != FORMAT {
            return Err(Trouble::new(
                format!(
                    "{NODE_FILE} has the format {:?}, this version knows {FORMAT:?}",
                    identity.format
                ),
                "start it with the version of Essaim that wrote it, or a newer one",
            ));
        }
        Ok(Some(identity))
    }

    /// Keeps it, durably.
    pub(crate) fn write(&self, root: &dyn Disk) -> Result<(), Trouble> {
        crate::record::write(root, NODE_FILE, self)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Ids as their text.
pub(crate) mod id_text {
    use core::fmt::Display;
    use core::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(id: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use disk::{Disk as _, SimDisk};

    use super::Identity;
    use crate::files::NODE_FILE;

    const GOLDEN: &[u8] = include_bytes!("../tests/golden/node-1.json");

    fn disk_with(bytes: &[u8]) -> std::sync::Arc<SimDisk> {
        let disk = SimDisk::new();
        disk.create(NODE_FILE).unwrap().write_all_at(bytes, 0).unwrap();
        disk
    }

    #[test]
    fn the_first_format_is_read_for_ever() {
        let disk = disk_with(GOLDEN);
        let identity = Identity::read(disk.as_ref()).unwrap().unwrap();
        assert_eq!(identity.node.to_u128(), 1);
        assert_eq!(identity.disks.len(), 1);
        identity.write(disk.as_ref()).unwrap();
        assert_eq!(disk::read_file(disk.as_ref(), NODE_FILE, 9_999).unwrap(), GOLDEN);
    }

    #[test]
    fn damage_is_told_and_touches_nothing() {
        for bytes in [&b"{"[..], b"", b"{}", &[0xFF; 40]] {
            let disk = disk_with(bytes);
            let trouble = Identity::read(disk.as_ref()).unwrap_err();
            assert!(trouble.message.contains("damaged"), "{trouble}");
        }
    }
}
