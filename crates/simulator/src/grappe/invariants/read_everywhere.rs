//! Whatever was acknowledged is read back the same at every site; nothing that was deleted
//! or overwritten is there again, and nothing that was refused.

use anyhow::{Result, bail};

use crate::grappe::client::{BUCKETS, Clients};
use crate::grappe::grappe::Grappe;

/// Every key at every site, and every bucket listed there.
pub(crate) async fn read_everywhere(grappe: &Grappe, clients: &Clients) -> Result<()> {
    for (number, process) in grappe.up() {
        for key in clients.ledger.keys() {
            if let Some(why) = clients.read_answered(process.door(), &key).await? {
                bail!("{key:?} cannot be read at site {number}: {why}");
            }
        }
        for bucket in BUCKETS {
            if !clients.list_answered(process.door(), bucket).await? {
                bail!("{bucket} cannot be listed at site {number}");
            }
        }
    }
    Ok(())
}
