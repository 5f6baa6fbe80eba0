//! Why a step could not be done; it is tried again later.

use catalog::ReadError;
use consensus::ProposeError;
use thiserror::Error;

/// A step that was not finished. Nothing is lost by trying again.
#[derive(Debug, Error)]
pub enum StewardError {
    /// The catalog cannot be read.
    #[error("the catalog cannot be read")]
    Catalog(#[from] ReadError),
    /// The catalog does not take commands.
    #[error("the catalog does not take commands")]
    Propose(#[from] ProposeError),
    /// A disk does not take removals or writes.
    #[error("a disk does not take writes")]
    Write(#[from] fragments::WriteError),
    /// A disk cannot be read.
    #[error("a disk cannot be read")]
    Read(#[from] fragments::ReadError),
    /// The key of an erased tenant cannot be destroyed.
    #[error("the key of an erased tenant cannot be destroyed")]
    Shred(#[source] objects::ObjectError),
    /// The placement policies cannot be asked.
    #[error("the placement policies cannot be asked")]
    Policy(#[from] objects::ObjectError),
    /// A key cannot be opened or wrapped.
    #[error("a key cannot be used")]
    Key(#[from] vault::KeyError),
    /// The root key file cannot be replaced.
    #[error("the root key file cannot be replaced")]
    Vault(#[from] vault::VaultError),
    /// An older key is still in use.
    #[error("an older key cannot be retired")]
    Rotation(#[from] vault::RotationError),
    /// The work was cut short by a shutdown.
    #[error("it was cut short")]
    Interrupted,
}

impl StewardError {
    /// Whether the catalog took no command, or nobody knows whether it did: it is full,
    /// waits for the clock, has failed, or did not answer. No verdict on what was tried.
    pub(crate) const fn catalog_takes_no_command(&self) -> bool {
        matches!(
            self,
            Self::Propose(
                ProposeError::Clock(_) | ProposeError::Full(_) | ProposeError::Unavailable(_)
            )
        )
    }

    /// Whether it is for the clock, about which the node reminds its operator.
    pub(crate) const fn is_for_the_clock(&self) -> bool {
        matches!(
            self,
            Self::Propose(ProposeError::Clock(_)) | Self::Shred(objects::ObjectError::Clock(_))
        )
    }
}
