//! Checking a lifecycle document before it is stored.
//!
//! S3 API Reference, "PutBucketLifecycleConfiguration".

use catalog::limits::LIFECYCLE_RULES_MAX;
use catalog::{LifecycleExpiration, LifecycleRule, LifecycleRules};
use thiserror::Error;

use super::days::is_midnight;
use crate::limits::{NEWER_VERSIONS_MAX, RULE_ID_CHARS_MAX};

/// What is wrong with a lifecycle document.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LifecycleFault {
    /// `MalformedXML`
    #[error("a lifecycle document has between 1 and {LIFECYCLE_RULES_MAX} rules")]
    RuleCount,
    /// `InvalidArgument`
    #[error("a rule id is longer than {RULE_ID_CHARS_MAX} characters")]
    IdTooLong,
    /// `InvalidArgument`
    #[error("the rule id {id} is not unique")]
    IdTwice {
        /// The id.
        id: String,
    },
    /// `InvalidRequest`
    #[error("the rule {id} has no action")]
    NoAction {
        /// The rule.
        id: String,
    },
    /// `InvalidArgument`
    #[error("the days of the rule {id} are not a positive number")]
    DaysNotPositive {
        /// The rule.
        id: String,
    },
    /// `InvalidArgument`
    #[error("the date of the rule {id} is not a midnight")]
    DateNotMidnight {
        /// The rule.
        id: String,
    },
    /// `InvalidArgument`
    #[error("the rule {id} keeps none or more than {NEWER_VERSIONS_MAX} newer versions")]
    NewerVersions {
        /// The rule.
        id: String,
    },
    /// `InvalidRequest`
    #[error("the rule {id} cannot end delete markers or uploads by tag or size")]
    ActionNeedsPlainFilter {
        /// The rule.
        id: String,
    },
    /// `InvalidRequest`
    #[error("no size fits the filter of the rule {id}")]
    EmptySizeRange {
        /// The rule.
        id: String,
    },
    /// `InvalidRequest`
    #[error("a tag of the rule {id} is there twice")]
    TagTwice {
        /// The rule.
        id: String,
    },
}

/// Checks a document; the first fault is reported.
pub fn check_rules(document: &LifecycleRules) -> Result<(), LifecycleFault> {
    if document.rules.is_empty() || document.rules.len() > LIFECYCLE_RULES_MAX {
        return Err(LifecycleFault::RuleCount);
    }
    let mut ids: Vec<&str> = document.rules.iter().map(|rule| rule.id.as_str()).collect();
    ids.sort_unstable();
    if let Some([id, _]) = ids.array_windows::<2>().find(|[one, next]| one == next) {
        return Err(LifecycleFault::IdTwice { id: (*id).to_owned() });
    }
    document.rules.iter().try_for_each(check_rule)
}

fn check_rule(rule: &LifecycleRule) -> Result<(), LifecycleFault> {
    let id = || rule.id.clone();
    if rule.id.chars().count() > RULE_ID_CHARS_MAX {
        return Err(LifecycleFault::IdTooLong);
    }
    match rule.expiration {
        Some(LifecycleExpiration::Days(0)) => {
            return Err(LifecycleFault::DaysNotPositive { id: id() });
        }
        Some(LifecycleExpiration::Date(date)) if !is_midnight(date) => {
            return Err(LifecycleFault::DateNotMidnight { id: id() });
        }
        _ => {}
    }
    if let Some(noncurrent) = rule.noncurrent {
        if noncurrent.days == 0 {
            return Err(LifecycleFault::DaysNotPositive { id: id() });
        }
        if noncurrent.newer_versions.is_some_and(|kept| kept == 0 || kept > NEWER_VERSIONS_MAX) {
            return Err(LifecycleFault::NewerVersions { id: id() });
        }
    }
    if rule.abort_uploads_days == Some(0) {
        return Err(LifecycleFault::DaysNotPositive { id: id() });
    }
    if rule.expiration.is_none() && rule.noncurrent.is_none() && rule.abort_uploads_days.is_none() {
        return Err(LifecycleFault::NoAction { id: id() });
    }
    check_filter(rule)
}

fn check_filter(rule: &LifecycleRule) -> Result<(), LifecycleFault> {
    let id = || rule.id.clone();
    let filter = &rule.filter;
    let plain = filter.tags.is_empty()
        && filter.size_greater_than.is_none()
        && filter.size_less_than.is_none();
    let needs_plain = rule.abort_uploads_days.is_some()
        || rule.expiration == Some(LifecycleExpiration::ExpiredObjectDeleteMarker);
    if needs_plain && !plain {
        return Err(LifecycleFault::ActionNeedsPlainFilter { id: id() });
    }
    if let (Some(more), Some(less)) = (filter.size_greater_than, filter.size_less_than)
        && less.get() <= more.get().saturating_add(1)
    {
        return Err(LifecycleFault::EmptySizeRange { id: id() });
    }
    let mut keys: Vec<&str> = filter.tags.iter().map(|tag| tag.key.as_str()).collect();
    keys.sort_unstable();
    if keys.array_windows::<2>().any(|[one, next]| one == next) {
        return Err(LifecycleFault::TagTwice { id: id() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use catalog::{LifecycleFilter, LifecycleNoncurrent, Tag};
    use units::{ByteCount, Timestamp};

    use super::*;

    fn rule(id: &str) -> LifecycleRule {
        LifecycleRule {
            id: id.to_owned(),
            enabled: true,
            filter: LifecycleFilter::default(),
            expiration: Some(LifecycleExpiration::Days(1)),
            noncurrent: None,
            abort_uploads_days: None,
        }
    }

    type Checked = Result<(), LifecycleFault>;

    #[track_caller]
    fn check(change: impl FnOnce(&mut LifecycleRule), expected: Checked) {
        let mut changed = rule("r");
        change(&mut changed);
        let found = check_rules(&LifecycleRules { rules: vec![changed] });
        assert_eq!((found, ()), (expected, ()));
    }

    #[test]
    fn each_fault_is_found() {
        let id = || "r".to_owned();
        check(|_| {}, Ok(()));
        check(|r| r.id = "é".repeat(255), Ok(()));
        check(|r| r.id = "x".repeat(256), Err(LifecycleFault::IdTooLong));
        check(|r| r.expiration = None, Err(LifecycleFault::NoAction { id: id() }));
        let days = |days| Some(LifecycleExpiration::Days(days));
        check(|r| r.expiration = days(0), Err(LifecycleFault::DaysNotPositive { id: id() }));
        let date = Some(LifecycleExpiration::Date(Timestamp::from_seconds(1)));
        check(|r| r.expiration = date, Err(LifecycleFault::DateNotMidnight { id: id() }));
        let noncurrent = |days, newer_versions| Some(LifecycleNoncurrent { days, newer_versions });
        check(
            |r| r.noncurrent = noncurrent(0, None),
            Err(LifecycleFault::DaysNotPositive { id: id() }),
        );
        check(
            |r| r.noncurrent = noncurrent(1, Some(101)),
            Err(LifecycleFault::NewerVersions { id: id() }),
        );
        check(
            |r| r.abort_uploads_days = Some(0),
            Err(LifecycleFault::DaysNotPositive { id: id() }),
        );
        let tag = Tag { key: "k".to_owned(), value: "v".to_owned() };
        check(|r| r.filter.tags = vec![tag.clone()], Ok(()));
        check(
            |r| r.filter.tags = vec![tag.clone(), tag.clone()],
            Err(LifecycleFault::TagTwice { id: id() }),
        );
        check(
            |r| {
                r.filter.tags = vec![tag];
                r.abort_uploads_days = Some(1);
            },
            Err(LifecycleFault::ActionNeedsPlainFilter { id: id() }),
        );
        check(
            |r| {
                r.filter.size_greater_than = Some(ByteCount::new(5));
                r.filter.size_less_than = Some(ByteCount::new(6));
            },
            Err(LifecycleFault::EmptySizeRange { id: id() }),
        );
    }

    #[test]
    fn a_document_has_rules_with_different_ids() {
        assert_eq!(check_rules(&LifecycleRules::default()), Err(LifecycleFault::RuleCount));
        let twice = LifecycleRules { rules: vec![rule("a"), rule("b"), rule("a")] };
        assert_eq!(check_rules(&twice), Err(LifecycleFault::IdTwice { id: "a".to_owned() }));
    }
}
