//! Whose disk a bucket is: one object for each node that says it is its own.
//!
//! Who opens a bucket puts its claim, and then looks for others. Of two that come at once
//! at least one sees the other's, since a listing shows what was acknowledged before it; so
//! never both go on. No conditional write is needed, which not every system has.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;

use crate::BucketError;
use crate::error::Failure;
use crate::limits::CLAIMS_TOLD_MAX;
use crate::remote::Remote;

const CLAIMS: &str = "owners";

fn folder(prefix: &Path) -> Path {
    prefix.clone().join(CLAIMS)
}

/// Where the claim of this owner is.
pub(crate) fn path(prefix: &Path, owner: &str) -> Path {
    folder(prefix).join(owner)
}

/// Lays claim to a bucket; refused if another has.
pub(crate) fn lay(remote: &Arc<Remote>, prefix: &Path, owner: &str) -> Result<(), BucketError> {
    let (asked, mine, folder) = (Arc::clone(remote), path(prefix, owner), folder(prefix));
    let claims = remote.wait(async move {
        let before = asked.list(&folder).await?;
        let is_new = before.iter().all(|claim| claim.path != mine);
        if is_new && !before.is_empty() {
            return Ok(before);
        }
        if is_new {
            let text = Bytes::from_static(b"a disk of an Essaim node\n");
            asked.put(mine.clone(), vec![text]).await?;
        }
        let mut others = asked.list(&folder).await?;
        others.retain(|claim| claim.path != mine);
        if is_new && !others.is_empty() {
            asked.delete(vec![mine]).await?;
        }
        Ok(others)
    });
    let url = remote.url.clone();
    match claims {
        Ok(others) if others.is_empty() => Ok(()),
        Ok(others) => {
            let told = others.iter().take(CLAIMS_TOLD_MAX).map(|claim| claim.path.to_string());
            Err(BucketError::Claimed { url, claims: told.collect::<Vec<_>>().join(", ") })
        }
        Err(Failure::NotFound) => {
            Err(BucketError::Unreachable { url, reason: "there is no such bucket".to_owned() })
        }
        Err(failure) => Err(BucketError::Unreachable { url, reason: failure.to_string() }),
    }
}
