//! Which rules are about a version, and when they end it.

use catalog::{LifecycleExpiration, LifecycleFilter, LifecycleRule, LifecycleRules, Tag};
use units::{ByteCount, Timestamp};

use super::Days;

/// When the current version of a key will end, and by which rule: what the
/// `x-amz-expiration` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextExpiration {
    /// The instant.
    pub at: Timestamp,
    /// The rule's id.
    pub rule: String,
}

/// When the current version of a key will end. Clients are told dates in real
/// days, also where a test has shortened them.
pub fn next_expiration(
    document: &LifecycleRules,
    key: &str,
    size: ByteCount,
    tags: &[Tag],
    modified: Timestamp,
) -> Option<NextExpiration> {
    document
        .rules
        .iter()
        .filter(|rule| rule.enabled && matches_plain(&rule.filter, key, Some(size)))
        .filter(|rule| matches_tags(&rule.filter, tags))
        .filter_map(|rule| Some((expires_at(rule, modified, Days::Real)?, rule)))
        .min_by_key(|(at, _)| *at)
        .map(|(at, rule)| NextExpiration { at, rule: rule.id.clone() })
}

/// When an upload begun then will be given up, and by which rule: what the
/// `x-amz-abort-date` header says, in real days.
pub fn next_abort(
    document: &LifecycleRules,
    key: &str,
    created: Timestamp,
) -> Option<NextExpiration> {
    let plain = |rule: &&LifecycleRule| rule.enabled && matches_plain(&rule.filter, key, None);
    let ends = document.rules.iter().filter(plain);
    ends.filter_map(|rule| Some((Days::Real.due(created, rule.abort_uploads_days?), rule)))
        .min_by_key(|(at, _)| *at)
        .map(|(at, rule)| NextExpiration { at, rule: rule.id.clone() })
}

/// When a rule ends a current version written then.
pub(super) fn expires_at(
    rule: &LifecycleRule,
    modified: Timestamp,
    days: Days,
) -> Option<Timestamp> {
    match rule.expiration? {
        LifecycleExpiration::Days(count) => Some(days.due(modified, count)),
        LifecycleExpiration::Date(date) => Some(date),
        LifecycleExpiration::ExpiredObjectDeleteMarker => None,
    }
}

/// Whether the filter's conditions hold that need no look at the object:
/// prefix, and size unless it is a delete marker.
pub(super) fn matches_plain(filter: &LifecycleFilter, key: &str, size: Option<ByteCount>) -> bool {
    let prefix = filter.prefix.as_deref().unwrap_or_default();
    let larger = filter.size_greater_than.is_none_or(|least| size.is_none_or(|size| size > least));
    let smaller = filter.size_less_than.is_none_or(|most| size.is_none_or(|size| size < most));
    key.starts_with(prefix) && larger && smaller
}

/// Whether all of the filter's tags are there.
pub(super) fn matches_tags(filter: &LifecycleFilter, tags: &[Tag]) -> bool {
    filter.tags.iter().all(|wanted| tags.contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    fn rule(id: &str, filter: LifecycleFilter, days: u32) -> LifecycleRule {
        LifecycleRule {
            id: id.to_owned(),
            enabled: true,
            filter,
            expiration: Some(LifecycleExpiration::Days(days)),
            noncurrent: None,
            abort_uploads_days: None,
        }
    }

    #[test]
    fn the_earliest_matching_rule_is_told() {
        let prefix = |text: &str| LifecycleFilter {
            prefix: Some(text.to_owned()),
            ..LifecycleFilter::default()
        };
        let tags = vec![tag("key1", "tag1"), tag("key5", "tag5")];
        let tagged = |tags: Vec<Tag>| LifecycleFilter { tags, ..LifecycleFilter::default() };
        let size = ByteCount::new(10);
        let told = |rules: Vec<LifecycleRule>| {
            let rules = LifecycleRules { rules };
            next_expiration(&rules, "days1/foo", size, &tags, Timestamp::EPOCH)
                .map(|next| (next.rule, next.at.seconds() / 86_400))
        };
        assert_eq!(told(vec![rule("a", prefix("days1/"), 1)]), Some(("a".to_owned(), 1)));
        assert_eq!(told(vec![rule("a", prefix("days2/"), 1)]), None);
        let both = vec![rule("late", prefix(""), 9), rule("soon", prefix("days"), 2)];
        assert_eq!(told(both), Some(("soon".to_owned(), 2)));
        assert!(told(vec![rule("t", tagged(vec![tag("key1", "tag1")]), 1)]).is_some());
        let and = tagged(vec![tag("key1", "tag1"), tag("key5", "tag6")]);
        assert_eq!(told(vec![rule("t", and, 1)]), None);
        let larger = |than| LifecycleFilter {
            size_greater_than: Some(ByteCount::new(than)),
            ..LifecycleFilter::default()
        };
        assert!(told(vec![rule("s", larger(9), 1)]).is_some());
        assert!(told(vec![rule("s", larger(10), 1)]).is_none());
        let mut off = rule("off", prefix(""), 1);
        off.enabled = false;
        assert_eq!(told(vec![off]), None);
    }
}
