//! `x-amz-expiration`: when the bucket's lifecycle rules will end an object.
//!
//! ```text
//! expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="rule 1"
//! ```
//! What a rule means is the caretaker's, who carries it out too. Days are whole days
//! that end at midnight UTC, as S3 counts them; a setting that shortens the day for
//! tests changes when rules act, not what is promised.

use caretaker::{next_abort, next_expiration};
use catalog::record::Record as _;
use catalog::{LifecycleRules, ObjectVersion, SettingKind, Tag};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use units::{ByteCount, Timestamp};

use super::answer;
use crate::date::http_date;
use crate::gate::Judge;

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
    let Some(next) = next_abort(&rules, key, created) else { return };
    answer::put(headers, "x-amz-abort-date", &http_date(next.at));
    answer::put(headers, "x-amz-abort-rule-id", &next.rule);
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
    let Subject { key, size, tags, modified } = subject;
    let Some(next) = next_expiration(rules, key, size, tags, modified) else { return };
    let rule = utf8_percent_encode(&next.rule, RULE_ID);
    let value = format!("expiry-date=\"{}\", rule-id=\"{rule}\"", http_date(next.at));
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert("x-amz-expiration", value);
    }
}

/// What is encoded in a rule's id.
const RULE_ID: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

#[cfg(test)]
mod tests {
    use catalog::{LifecycleExpiration, LifecycleFilter, LifecycleRule};

    use super::*;

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
