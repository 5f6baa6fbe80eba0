//! Conditions of writes and deletes, against what stands under the key now.
//!
//! S3 User Guide, "Conditional requests".

use units::planted;

use crate::command::{DeleteCondition, ETagMatch, PutCondition};
use crate::name::ETag;
use crate::record::VersionHead;
use crate::refusal::{Condition, Refusal};

fn matches(condition: &ETagMatch, etag: &ETag) -> bool {
    match condition {
        ETagMatch::Any => true,
        ETagMatch::OneOf(etags) => etags.contains(etag),
    }
}

/// A write: `current` is whatever is current, a delete marker included.
pub(super) fn check_put(
    condition: &PutCondition,
    current: Option<&VersionHead>,
) -> Result<(), Refusal> {
    let marker = current.filter(|head| head.is_delete_marker());
    let object = current.filter(|head| !head.is_delete_marker());
    if let Some(wanted) = &condition.if_match {
        match object {
            None => return Err(Refusal::NoSuchKey { marker: marker.map(VersionHead::name) }),
            Some(head) if !matches(wanted, &head.etag) => {
                return Err(Refusal::PreconditionFailed { condition: Condition::IfMatch });
            }
            Some(_) => {}
        }
    }
    if !planted::is_on("catalog-skips-if-none-match")
        && let (Some(unwanted), Some(head)) = (&condition.if_none_match, object)
        && matches(unwanted, &head.etag)
    {
        return Err(Refusal::PreconditionFailed { condition: Condition::IfNoneMatch });
    }
    Ok(())
}

/// A delete: `target` is the version that would be deleted or hidden.
pub(super) fn check_delete(
    condition: &DeleteCondition,
    target: &VersionHead,
) -> Result<(), Refusal> {
    let failed = |condition| Err(Refusal::PreconditionFailed { condition });
    if condition.if_match.as_ref().is_some_and(|wanted| !matches(wanted, &target.etag)) {
        return failed(Condition::IfMatch);
    }
    if condition.size.is_some_and(|size| size != target.size) {
        return failed(Condition::IfMatchSize);
    }
    if condition.modified.is_some_and(|at| at.whole_seconds() != target.modified.whole_seconds()) {
        return failed(Condition::IfMatchLastModifiedTime);
    }
    Ok(())
}

/// Whether a delete has any condition.
pub(super) fn is_conditional(condition: &DeleteCondition) -> bool {
    *condition != DeleteCondition::default()
}
