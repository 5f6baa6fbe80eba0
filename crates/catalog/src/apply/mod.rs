//! `apply`: the commands of one log entry, in order, to a batch and outcomes.
//!
//! Each command is one function in a file of this module; it looks first and
//! writes after, and whatever it wrote before it was refused is undone.

mod attributes;
mod bucket;
mod chain;
mod clear;
mod condition;
mod content;
mod custody;
mod delete;
mod disk;
mod invite;
mod key;
mod leave;
mod lock;
mod map;
mod node;
mod placed;
mod policy;
mod put;
mod release;
mod rewrap;
mod search;
mod site;
mod tenant;
mod tx;
mod upload;

use units::planted;

use crate::command::{Command, Stamped};
use crate::outcome::{Outcome, Success};
use crate::overlay::Halt;
use crate::rows::{Batch, Rows, RowsError};
use tx::Tx;

/// What one log entry did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The rows to write, all or none.
    pub batch: Batch,
    /// One outcome per command, in order.
    pub outcomes: Vec<Outcome>,
}

/// Applies the commands of one log entry over the rows.
///
/// Fails only if the rows cannot be read at all; a damaged row refuses the
/// command that needs it.
pub fn apply(rows: &dyn Rows, commands: &[Stamped]) -> Result<Applied, RowsError> {
    let mut tx = Tx::new(rows);
    let mut outcomes = Vec::with_capacity(commands.len());
    for Stamped { at, command } in commands {
        tx.at = *at;
        let mark = tx.rows.mark();
        let outcome = match one(&mut tx, command) {
            Ok(success) => Ok(success),
            Err(Halt::Refused(refusal)) => {
                if !planted::is_on("catalog-refusal-leaves-traces") {
                    tx.rows.undo_to(mark);
                }
                Err(refusal)
            }
            Err(Halt::Rows(error)) => return Err(error),
        };
        tx.rows.keep();
        outcomes.push(outcome);
    }
    Ok(Applied { batch: tx.rows.into_batch(), outcomes })
}

fn one(tx: &mut Tx<'_>, command: &Command) -> Result<Success, Halt> {
    match command {
        Command::TenantCreate(ask) => tenant::create(tx, ask),
        Command::TenantSuspend(ask) => tenant::suspend(tx, ask),
        Command::TenantResume(ask) => tenant::resume(tx, ask),
        Command::TenantDelete(ask) => tenant::delete(tx, ask),
        Command::TenantErase(ask) => tenant::erase(tx, ask),
        Command::TenantQuotaSet(ask) => tenant::quota_set(tx, ask),
        Command::TenantKeyRewrap(ask) => tenant::key_rewrap(tx, ask),
        Command::UserCreate(ask) => key::user_create(tx, ask),
        Command::UserDelete(ask) => key::user_delete(tx, ask),
        Command::KeyCreate(ask) => key::create(tx, ask),
        Command::KeyRevoke(ask) => key::revoke(tx, ask),
        Command::BucketCreate(ask) => bucket::create(tx, ask),
        Command::BucketDelete(ask) => bucket::delete(tx, ask),
        Command::BucketVersioningSet(ask) => bucket::versioning_set(tx, ask),
        Command::BucketLockSet(ask) => bucket::lock_set(tx, ask),
        Command::BucketOwnershipSet(ask) => bucket::ownership_set(tx, ask),
        Command::BucketSettingSet(ask) => bucket::setting_set(tx, ask),
        Command::BucketQuotaSet(ask) => bucket::quota_set(tx, ask),
        Command::BucketKeyRewrap(ask) => bucket::key_rewrap(tx, ask),
        Command::ObjectPut(ask) => put::object(tx, ask),
        Command::ObjectDelete(ask) => delete::object(tx, ask),
        Command::ObjectsDelete(ask) => delete::objects(tx, ask),
        Command::ObjectTagsSet(ask) => attributes::tags(tx, ask),
        Command::ObjectRetentionSet(ask) => attributes::retention(tx, ask),
        Command::ObjectLegalHoldSet(ask) => attributes::legal_hold(tx, ask),
        Command::ObjectAclSet(ask) => attributes::acl(tx, ask),
        Command::UploadCreate(ask) => upload::create(tx, ask),
        Command::UploadPartPut(ask) => upload::part_put(tx, ask),
        Command::UploadComplete(ask) => upload::complete(tx, ask),
        Command::UploadAbort(ask) => upload::abort(tx, ask),
        Command::ReleaseAdvance { rows } => release::advance(tx, *rows),
        Command::PartCondemn { parts } => release::condemn(tx, parts),
        Command::PartForget { parts } => release::forget(tx, parts),
        Command::PartSlotMove(ask) => release::slot_move(tx, ask),
        Command::FeedTrim { through } => tx.feed_trim(*through),
        Command::JobSet { name, state } => tx.job_set(name, state.as_ref()),
        Command::Nothing => Ok(Success::Done),
        Command::TenantCreateWithEmail(ask) => tenant::create_with_email(tx, ask),
        Command::NamedKeyCreate(ask) => key::named_create(tx, ask),
        Command::NamedKeyRewrap(ask) => key::named_rewrap(tx, ask),
        Command::PartKeysRewrap(ask) => rewrap::part_keys(tx, ask),
        Command::SecretReseal(ask) => rewrap::secret(tx, ask),
        Command::TenantShredded(ask) => tenant::shredded(tx, ask),
        Command::BucketClear(ask) => clear::bucket(tx, ask),
        Command::DiskForget(ask) => disk::forget(tx, ask),
        Command::PartCopyAdd(ask) => release::copy_add(tx, ask),
        Command::MapFound(ask) => map::found(tx, ask),
        Command::InviteCreate(ask) => invite::create(tx, ask),
        Command::InviteRevoke(ask) => invite::revoke(tx, ask),
        Command::NodeJoin(ask) => node::join(tx, ask),
        Command::NodeSet(ask) => node::set(tx, ask),
        Command::SiteStatementSet(ask) => site::statement_set(tx, ask),
        Command::SiteDrain(ask) => site::drain(tx, ask),
        Command::SiteRemove(ask) => leave::site(tx, ask),
        Command::PolicySet(ask) => policy::set(tx, ask),
        Command::Placed(ask) => placed::command(tx, ask),
        Command::PartBucketsNote(ask) => release::buckets_note(tx, ask),
        Command::PartStep(ask) => release::step(tx, ask),
        Command::CustodyNote(ask) => custody::note(tx, ask),
        Command::PartRecut(ask) => release::recut(tx, ask),
    }
}
