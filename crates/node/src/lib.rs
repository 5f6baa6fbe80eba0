//! A node, put together: the only room that knows all the others.
//!
//! It reads the settings, opens the parts in the order in which they need each
//! other, carries out the first start, serves, watches its tasks, and stops
//! everything in the opposite order. It also answers what operators ask through
//! `admin` and `console` ([`admin::Operations`]), and does what needs no running
//! node: the doctor, the restore.
//!
//! ```text
//! settings → disks looked at, if it is a first start → data directory (locked)
//!   → listeners bound → identity → vault → rows, log
//!   → disks → fragments → objects → first start → S3, administration, gauges
//! ```
//!
//! **Invariants**
//! - A start that fails says why in one sentence, exits non-zero, and leaves what
//!   was there as it was.
//! - A first start cut at any instant is completed by the next.
//! - A task that ends before it was told to stops the node, with the reason.
//! - Listeners are bound before anything is written, and answer only when every
//!   part behind them is open.

mod announcement;
mod cluster;
mod cluster_gauges;
mod credentials;
mod custody;
mod devices;
mod disk_book;
mod disks;
pub mod doctor;
mod files;
mod first_look;
mod first_start;
mod gauges;
mod identity;
mod language;
pub mod limits;
mod listeners;
mod operations;
mod parts;
mod passphrase;
mod places;
mod process;
mod record;
mod reminders;
mod restore;
mod restore_key;
mod running;
mod serving;
pub mod settings;
pub mod shell;
mod start_checks;
mod stop;
mod supervision;
mod trouble;

pub use announcement::{Announcement, JoinedCluster};
pub use custody::custody_check;
pub use devices::one_device_text;
pub use files::{PrivateFile, SOCKET_NAME, data_default, directory_create, file_read};
pub use language::language_of_machine;
pub use passphrase::passphrase_set_read;
pub use placement::Language;
pub use process::{logs_start, open_files_raise, runtime};
pub use restore::{MissingDisk, Restore, Restored, restore, root_key_copy};
pub use running::Node;
pub use trouble::Trouble;
