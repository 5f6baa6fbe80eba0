//! `x-amz-expiration`: when the bucket's lifecycle rules will end an object.
//!
//! ```text
//! expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="rule 1"
//! ```
//! Days are whole days that end at midnight UTC, as S3 counts them; a setting
//! that shortens the day for tests changes when rules act, not what is promised.

use core::time::Duration;

use catalog::record::Record as _;
use catalog::{
    LifecycleExpiration, LifecycleRule, LifecycleRules, ObjectVersion, SettingKind, Tag,
};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use units::{ByteCount, Timestamp};

use super::answer;
use crate::date::http_date;
use crate::gate::Judge;

const DAY_SECONDS: i64 = 86_400;

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// Object key.
    pub key: &'a str,
    /// Its bytes.
    pub size: ByteCount,
    /// Its tags.
    pub tags: &'a [Tag],
    /// When it was written.
    pub modified: Timestamp,
}

impl<'a> Subject<'a> {
    /// A version as rules look at it.
    pub(crate) fn of(key: &'a str, version: &'a ObjectVersion) -> Self {
        Self {
            key,
            size: version.head.size,
            tags: &version.detail.tags,
            modified: version.head.modified,
        }
    }
}

/// The lifecycle rules of the bucket, if it has any.
pub(crate) fn rules(judge: &Judge) -> Option<LifecycleRules> {
    let facts = &judge.bucket.as_ref()?.facts;
    LifecycleRules::decode(facts.setting(SettingKind::Lifecycle)?).ok()
}

/// Adds `x-amz-abort-date`, if a rule will end an upload begun now.
pub(crate) fn answer_abort(headers: &mut HeaderMap, judge: &Judge, key: &str, created: Timestamp) {
    let Some(rules) = rules(judge) else { return };
    let ends = rules.rules.iter().filter(|rule| {
        let prefix = rule.filter.prefix.as_deref();
        rule.enabled && prefix.is_none_or(|prefix| key.starts_with(prefix))
    });
    let ends = ends.filter_map(|rule| {
        let day = Duration::from_secs(DAY_SECONDS.unsigned_abs());
        let at = next_midnight(created.after(day.saturating_mul(rule.abort_uploads_days?)));
        Some((at, rule))
    });
    let Some((at, rule)) = ends.min_by_key(|(at, _)| *at) else { return };
    answer::put(headers, "x-amz-abort-date", &http_date(at));
    answer::put(headers, "x-amz-abort-rule-id", &rule.id);
}

/// Adds the header for a version that was read.
pub(crate) fn answer_version(
    headers: &mut HeaderMap,
    judge: &Judge,
    key: &str,
    version: &ObjectVersion,
) {
    if let Some(rules) = rules(judge) {
        answer(headers, &rules, Subject::of(key, version));
    }
}

/// Adds the header, if a rule will end the object.
pub(crate) fn answer(headers: &mut HeaderMap, rules: &LifecycleRules, subject: Subject<'_>) {
    let Some((at, rule)) = first_end(rules, subject) else { return };
    let rule = utf8_percent_encode(&rule.id, RULE_ID);
    let value = format!("expiry-date=\"{}\", rule-id=\"{rule}\"", http_date(at));
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert("x-amz-expiration", value);
    }
}

/// What is encoded in a rule's id.
const RULE_ID: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

/// The first rule to end the object, and when.
fn first_end<'r>(
    rules: &'r LifecycleRules,
    subject: Subject<'_>,
) -> Option<(Timestamp, &'r LifecycleRule)> {
    let ends = rules.rules.iter().filter(|rule| rule.enabled && applies(rule, subject));
    ends.filter_map(|rule| Some((end(rule, subject.modified)?, rule))).min_by_key(|(at, _)| *at)
}

fn applies(rule: &LifecycleRule, subject: Subject<'_>) -> bool {
    let filter = &rule.filter;
    filter.prefix.as_deref().is_none_or(|prefix| subject.key.starts_with(prefix))
        && filter.tags.iter().all(|tag| subject.tags.contains(tag))
        && filter.size_greater_than.is_none_or(|least| subject.size > least)
        && filter.size_less_than.is_none_or(|most| subject.size < most)
}

fn end(rule: &LifecycleRule, modified: Timestamp) -> Option<Timestamp> {
    match rule.expiration? {
        LifecycleExpiration::Days(days) => {
            let day = Duration::from_secs(DAY_SECONDS.unsigned_abs());
            Some(next_midnight(modified.after(day.saturating_mul(days))))
        }
        LifecycleExpiration::Date(at) => Some(at),
        LifecycleExpiration::ExpiredObjectDeleteMarker => None,
    }
}

fn next_midnight(at: Timestamp) -> Timestamp {
    let days = at.seconds().div_euclid(DAY_SECONDS).saturating_add(1);
    Timestamp::from_seconds(days.saturating_mul(DAY_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::LifecycleFilter;

    fn rule(id: &str, prefix: &str, expiration: LifecycleExpiration) -> LifecycleRule {
        LifecycleRule {
            id: id.to_owned(),
            enabled: true,
            filter: LifecycleFilter {
                prefix: Some(prefix.to_owned()),
                ..LifecycleFilter::default()
            },
            expiration: Some(expiration),
            noncurrent: None,
            abort_uploads_days: None,
        }
    }

    fn check(rules: Vec<LifecycleRule>, expected: Option<&str>) {
        let subject = Subject {
            key: "a/b",
            size: ByteCount::new(10),
            tags: &[],
            modified: Timestamp::from_seconds(784_111_777),
        };
        let mut headers = HeaderMap::new();
        answer(&mut headers, &LifecycleRules { rules }, subject);
        let found = headers.get("x-amz-expiration").map(|value| value.to_str().expect("text"));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_end_is_told() {
        use LifecycleExpiration::{Date, Days, ExpiredObjectDeleteMarker};
        check(vec![], None);
        check(vec![rule("r", "c/", Days(1))], None);
        check(vec![rule("r", "", ExpiredObjectDeleteMarker)], None);
        let one = r#"expiry-date="Tue, 08 Nov 1994 00:00:00 GMT", rule-id="r 1""#;
        check(vec![rule("r 1", "a/", Days(1))], Some(one));
        check(vec![rule("r 2", "a/", Days(2)), rule("r 1", "", Days(1))], Some(one));
        let date = Date(Timestamp::from_seconds(784_252_800));
        let two = r#"expiry-date="Tue, 08 Nov 1994 00:00:00 GMT", rule-id="d""#;
        check(vec![rule("d", "", date)], Some(two));
        let mut off = rule("r", "", Days(1));
        off.enabled = false;
        check(vec![off], None);
        let mut large = rule("r", "", Days(1));
        large.filter.size_greater_than = Some(ByteCount::new(10));
        check(vec![large], None);
        let mut tagged = rule("r", "", Days(1));
        tagged.filter.tags = vec![Tag { key: "k".to_owned(), value: "v".to_owned() }];
        check(vec![tagged], None);
    }
}
