//! Who a disk is: written once, moves with it from machine to machine.
//!
//! ```text
//!   disk.id   at  bytes
//!              0    8   magic "ESSAIMID"
//!              8    2   version: 1
//!             10    6   zero
//!             16   16   disk id
//!             32   16   cluster id
//!             48    4   CRC32C of bytes 0..48
//! ```

use disk::{Disk, DiskError, read_file, write_file_atomically};
use units::{ClusterId, DiskId};

use crate::OpenError;
use crate::bytes_read::Fields;
use crate::checksum::crc32c;
use crate::segment::SEGMENT_DIRECTORY;

/// Name of the identity file in a disk's root.
const IDENTITY_NAME: &str = "disk.id";

const MAGIC: [u8; 8] = *b"ESSAIMID";
const VERSION: u16 = 1;
const IDENTITY_BYTES: usize = 52;

/// The identity of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The disk.
    pub disk: DiskId,
    /// The cluster whose fragments it holds.
    pub cluster: ClusterId,
}

impl Identity {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(IDENTITY_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        bytes.extend_from_slice(&self.disk.to_bytes());
        bytes.extend_from_slice(&self.cluster.to_bytes());
        bytes.extend_from_slice(&crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let guarded = bytes.get(..48)?;
        if bytes.len() != IDENTITY_BYTES || Fields(bytes.get(48..)?).u32()? != crc32c(guarded) {
            return None;
        }
        let mut fields = Fields(guarded);
        if fields.array::<8>()? != MAGIC || fields.array::<2>()? != VERSION.to_le_bytes() {
            return None;
        }
        fields.array::<6>()?;
        Some(Self {
            disk: DiskId::from_bytes(fields.array()?),
            cluster: ClusterId::from_bytes(fields.array()?),
        })
    }

    /// Reads the identity of a disk; [`OpenError::Blank`] if it has none and no data.
    pub fn read(disk: &dyn Disk) -> Result<Self, OpenError> {
        match read_file(disk, IDENTITY_NAME, IDENTITY_BYTES) {
            Ok(bytes) => Self::decode(&bytes).ok_or(OpenError::IdentityLost { problem: "damaged" }),
            Err(DiskError::TooLong { .. }) => Err(OpenError::IdentityLost { problem: "too long" }),
            Err(DiskError::NotFound { .. }) if holds_segments(disk)? => {
                Err(OpenError::IdentityLost { problem: "missing" })
            }
            Err(DiskError::NotFound { .. }) => Err(OpenError::Blank),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a blank disk an identity; durable on `Ok`.
    pub fn write(&self, disk: &dyn Disk) -> Result<(), OpenError> {
        if disk.exists(IDENTITY_NAME)? || holds_segments(disk)? {
            return Err(OpenError::NotBlank);
        }
        disk.create_dir(SEGMENT_DIRECTORY)?;
        Ok(write_file_atomically(disk, IDENTITY_NAME, &self.encode())?)
    }
}

fn holds_segments(disk: &dyn Disk) -> Result<bool, DiskError> {
    Ok(disk.exists(SEGMENT_DIRECTORY)? && !disk.list(SEGMENT_DIRECTORY)?.is_empty())
}
