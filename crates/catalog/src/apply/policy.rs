//! Placement policies: set, and dropped with what they are for.

use super::map;
use super::tx::{Tx, check_size};
use crate::command::{PolicySet, PolicyTarget};
use crate::limits::POLICY_BYTES_MAX;
use crate::outcome::Success;
use crate::overlay::Halt;
use crate::record::{Policy, PolicyScope};
use crate::table;

pub(super) fn set(tx: &mut Tx<'_>, ask: &PolicySet) -> Result<Success, Halt> {
    map::needed(tx)?;
    let scope = match &ask.target {
        PolicyTarget::Cluster => PolicyScope::Cluster,
        PolicyTarget::Tenant(id) => PolicyScope::Tenant(tx.tenant(*id)?.id),
        PolicyTarget::Bucket(bucket) => PolicyScope::Bucket(tx.bucket(bucket)?.id),
    };
    let row = table::policy(scope);
    let before = tx.rows.record::<Policy>(&row)?;
    if before.as_ref().map(|policy| &policy.text) == ask.text.as_ref() {
        return map::unchanged(tx);
    }
    match &ask.text {
        None => tx.rows.remove(row),
        Some(text) => {
            check_size("placement policy", text.len(), POLICY_BYTES_MAX)?;
            let number = map::epoch(tx)?.next();
            let policy = Policy { text: text.clone(), number, set: tx.at };
            tx.rows.put_record(row, &policy);
        }
    }
    map::moved_on(tx)
}

/// What the policy is for is gone.
pub(super) fn drop_of(tx: &mut Tx<'_>, scope: PolicyScope) -> Result<(), Halt> {
    let row = table::policy(scope);
    if tx.rows.get(&row)?.is_some() {
        tx.rows.remove(row);
        map::moved_on(tx)?;
    }
    Ok(())
}
