//! Lifecycle rules: read and write.
//!
//! The documents' rules (S3 API Reference, "PutBucketLifecycleConfiguration")
//! become the catalog's records, which the caretaker carries out. Transitions to
//! other storage are not served.

use std::collections::BTreeSet;

use catalog::record::Record;
use catalog::{
    LifecycleExpiration, LifecycleFilter, LifecycleNoncurrent, LifecycleRule, LifecycleRules,
    SettingKind, Tag,
};
use http::StatusCode;
use s3s::dto::{
    self, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput,
    PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput,
    TransitionDefaultMinimumObjectSize,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use units::{ByteCount, Timestamp};

use super::store;
use crate::Face;
use crate::date;
use crate::error::{custom, invalid_argument, invalid_request, malformed_xml};
use crate::gate;
use crate::limits::{LIFECYCLE_ID_CHARACTERS_MAX, LIFECYCLE_RULES_MAX, NEWER_VERSIONS_MAX};

const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// Serves `GetBucketLifecycleConfiguration`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_lifecycle_configuration(
    _face: &Face,
    req: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    gate::authorised(&req.extensions)?;
    let bytes = gate::bucket(&req.extensions)?.facts.setting(SettingKind::Lifecycle);
    let bytes = bytes.ok_or_else(|| {
        custom(
            "NoSuchLifecycleConfiguration",
            StatusCode::NOT_FOUND,
            "The lifecycle configuration does not exist",
        )
    })?;
    let rules = LifecycleRules::decode(bytes).map_err(|_| s3_error!(InternalError))?;
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(rules.rules.iter().map(to_dto).collect()),
        transition_default_minimum_object_size: Some(minimum_size()),
    }))
}

/// Serves `PutBucketLifecycleConfiguration`.
pub(crate) async fn put_bucket_lifecycle_configuration(
    face: &Face,
    req: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    let document = req.input.lifecycle_configuration.as_ref().ok_or_else(malformed_xml)?;
    let rules = from_dto(&document.rules)?;
    let bytes = rules.encode().into();
    store(face, &req.extensions, SettingKind::Lifecycle, Some(bytes)).await?;
    let asked = req.input.transition_default_minimum_object_size;
    Ok(S3Response::new(PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: Some(asked.unwrap_or_else(minimum_size)),
    }))
}

/// Serves `DeleteBucketLifecycle`.
pub(crate) async fn delete_bucket_lifecycle(
    face: &Face,
    req: S3Request<DeleteBucketLifecycleInput>,
) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
    store(face, &req.extensions, SettingKind::Lifecycle, None).await?;
    Ok(S3Response::new(DeleteBucketLifecycleOutput {}))
}

fn minimum_size() -> TransitionDefaultMinimumObjectSize {
    let size = TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K;
    TransitionDefaultMinimumObjectSize::from_static(size)
}

fn from_dto(rules: &[dto::LifecycleRule]) -> S3Result<LifecycleRules> {
    if rules.is_empty() || rules.len() > LIFECYCLE_RULES_MAX {
        return Err(malformed_xml());
    }
    let named: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.id.as_deref()).collect();
    let mut ids = BTreeSet::new();
    let mut read = Vec::with_capacity(rules.len());
    for (number, rule) in (1_usize..).zip(rules) {
        let id = match rule.id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) if id.chars().count() > LIFECYCLE_ID_CHARACTERS_MAX => {
                return Err(invalid_argument("ID length should not exceed allowed limit of 255"));
            }
            Some(id) => id.to_owned(),
            None => unnamed(number, &named),
        };
        if !ids.insert(id.clone()) {
            return Err(invalid_argument(
                "Rule ID must be unique. Found same ID for more than one rule",
            ));
        }
        read.push(rule_of(rule, id)?);
    }
    Ok(LifecycleRules { rules: read })
}

/// A name for a rule without one, other than those that are given.
fn unnamed(number: usize, named: &BTreeSet<&str>) -> String {
    let mut id = format!("rule-{number}");
    while named.contains(id.as_str()) {
        id.push('-');
    }
    id
}

fn rule_of(rule: &dto::LifecycleRule, id: String) -> S3Result<LifecycleRule> {
    let enabled = match rule.status.as_str() {
        "Enabled" => true,
        "Disabled" => false,
        _ => return Err(malformed_xml()),
    };
    for date in rule.transitions.iter().flatten().filter_map(|transition| transition.date.as_ref())
    {
        midnight(date)?;
    }
    if rule.transitions.as_ref().is_some_and(|list| !list.is_empty())
        || rule.noncurrent_version_transitions.as_ref().is_some_and(|list| !list.is_empty())
    {
        return Err(s3_error!(NotImplemented, "Transitions are not implemented"));
    }
    let filter = filter_of(rule)?;
    let expiration = rule.expiration.as_ref().map(expiration_of).transpose()?;
    let noncurrent = rule.noncurrent_version_expiration.as_ref().map(noncurrent_of).transpose()?;
    let abort = rule.abort_incomplete_multipart_upload.as_ref();
    let abort_uploads_days = abort
        .map(|abort| positive(abort.days_after_initiation, "DaysAfterInitiation"))
        .transpose()?;
    if expiration.is_none() && noncurrent.is_none() && abort_uploads_days.is_none() {
        return Err(invalid_request("At least one action needs to be specified in a rule"));
    }
    let by_object = !filter.tags.is_empty()
        || filter.size_greater_than.is_some()
        || filter.size_less_than.is_some();
    if abort_uploads_days.is_some() && by_object {
        return Err(invalid_request(
            "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes.",
        ));
    }
    let marker = expiration == Some(LifecycleExpiration::ExpiredObjectDeleteMarker);
    if marker && !filter.tags.is_empty() {
        return Err(invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags."));
    }
    Ok(LifecycleRule { id, enabled, filter, expiration, noncurrent, abort_uploads_days })
}

fn positive(days: Option<i32>, name: &str) -> S3Result<u32> {
    let days = days.ok_or_else(malformed_xml)?;
    let days = u32::try_from(days).ok().filter(|days| *days > 0);
    days.ok_or_else(|| invalid_argument(format!("'{name}' must be a positive integer")))
}

fn expiration_of(asked: &dto::LifecycleExpiration) -> S3Result<LifecycleExpiration> {
    match (asked.days, &asked.date, asked.expired_object_delete_marker) {
        (Some(days), None, None) => positive(Some(days), "Days").map(LifecycleExpiration::Days),
        (None, Some(at), None) => midnight(at).map(LifecycleExpiration::Date),
        (None, None, Some(true)) => Ok(LifecycleExpiration::ExpiredObjectDeleteMarker),
        _ => Err(malformed_xml()),
    }
}

fn midnight(at: &dto::Timestamp) -> S3Result<Timestamp> {
    let at = date::from_dto(at);
    if at.micros().rem_euclid(DAY_MICROS) != 0 {
        return Err(invalid_argument("'Date' must be at midnight GMT"));
    }
    Ok(at)
}

fn noncurrent_of(asked: &dto::NoncurrentVersionExpiration) -> S3Result<LifecycleNoncurrent> {
    let days = positive(asked.noncurrent_days, "NoncurrentDays")?;
    let newer_versions = asked.newer_noncurrent_versions.map(|count| {
        u32::try_from(count)
            .ok()
            .filter(|count| (1..=NEWER_VERSIONS_MAX).contains(count))
            .ok_or_else(|| invalid_argument("'NewerNoncurrentVersions' must be between 1 and 100"))
    });
    Ok(LifecycleNoncurrent { days, newer_versions: newer_versions.transpose()? })
}

fn filter_of(rule: &dto::LifecycleRule) -> S3Result<LifecycleFilter> {
    let filter = match (&rule.filter, &rule.prefix) {
        (Some(_), Some(_)) | (None, None) => return Err(malformed_xml()),
        (None, Some(prefix)) => {
            return Ok(LifecycleFilter {
                prefix: Some(prefix.clone()),
                legacy_prefix: true,
                ..LifecycleFilter::default()
            });
        }
        (Some(filter), None) => filter,
    };
    let alone = [
        filter.prefix.is_some(),
        filter.tag.is_some(),
        filter.object_size_greater_than.is_some(),
        filter.object_size_less_than.is_some(),
        filter.and.is_some(),
    ];
    if alone.iter().filter(|present| **present).count() > 1 {
        return Err(malformed_xml());
    }
    let (prefix, tags, greater, less) = match &filter.and {
        Some(and) => (
            &and.prefix,
            and.tags.as_deref().unwrap_or_default(),
            and.object_size_greater_than,
            and.object_size_less_than,
        ),
        None => (
            &filter.prefix,
            filter.tag.as_slice(),
            filter.object_size_greater_than,
            filter.object_size_less_than,
        ),
    };
    let bytes = |count: i64| u64::try_from(count).map(ByteCount::new).map_err(|_| malformed_xml());
    let (size_greater_than, size_less_than) =
        (greater.map(bytes).transpose()?, less.map(bytes).transpose()?);
    if let (Some(greater), Some(less)) = (size_greater_than, size_less_than)
        && greater >= less
    {
        return Err(invalid_request(
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
        ));
    }
    let mut keys = BTreeSet::new();
    let mut read = Vec::with_capacity(tags.len());
    for tag in tags {
        let key = tag.key.clone().filter(|key| !key.is_empty()).ok_or_else(malformed_xml)?;
        if !keys.insert(key.clone()) {
            return Err(invalid_request("Duplicate Tag Keys are not allowed."));
        }
        read.push(Tag { key, value: tag.value.clone().unwrap_or_default() });
    }
    Ok(LifecycleFilter {
        prefix: prefix.clone(),
        tags: read,
        size_greater_than,
        size_less_than,
        legacy_prefix: false,
        and: filter.and.is_some(),
    })
}

fn to_dto(rule: &LifecycleRule) -> dto::LifecycleRule {
    let filter = &rule.filter;
    let number = |days: u32| i32::try_from(days).ok();
    let expiration = rule.expiration.map(|expiration| {
        let mut shown = dto::LifecycleExpiration::default();
        match expiration {
            LifecycleExpiration::Days(days) => shown.days = number(days),
            LifecycleExpiration::Date(at) => shown.date = Some(date::dto(at)),
            LifecycleExpiration::ExpiredObjectDeleteMarker => {
                shown.expired_object_delete_marker = Some(true);
            }
        }
        shown
    });
    let noncurrent = rule.noncurrent.map(|noncurrent| dto::NoncurrentVersionExpiration {
        newer_noncurrent_versions: noncurrent.newer_versions.and_then(number),
        noncurrent_days: number(noncurrent.days),
    });
    let abort = rule
        .abort_uploads_days
        .map(|days| dto::AbortIncompleteMultipartUpload { days_after_initiation: number(days) });
    let status = if rule.enabled { "Enabled" } else { "Disabled" };
    dto::LifecycleRule {
        abort_incomplete_multipart_upload: abort,
        expiration,
        filter: (!filter.legacy_prefix).then(|| filter_to_dto(filter)),
        id: Some(rule.id.clone()),
        noncurrent_version_expiration: noncurrent,
        noncurrent_version_transitions: None,
        prefix: filter.prefix.clone().filter(|_| filter.legacy_prefix),
        status: dto::ExpirationStatus::from_static(status),
        transitions: None,
    }
}

fn filter_to_dto(filter: &LifecycleFilter) -> dto::LifecycleRuleFilter {
    let bytes = |count: ByteCount| i64::try_from(count.get()).ok();
    let greater = filter.size_greater_than.and_then(bytes);
    let less = filter.size_less_than.and_then(bytes);
    let tag = |tag: &Tag| dto::Tag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) };
    if filter.and {
        let tags: Vec<dto::Tag> = filter.tags.iter().map(tag).collect();
        let and = dto::LifecycleRuleAndOperator {
            object_size_greater_than: greater,
            object_size_less_than: less,
            prefix: filter.prefix.clone(),
            tags: (!tags.is_empty()).then_some(tags),
        };
        return dto::LifecycleRuleFilter { and: Some(and), ..Default::default() };
    }
    dto::LifecycleRuleFilter {
        and: None,
        object_size_greater_than: greater,
        object_size_less_than: less,
        prefix: filter.prefix.clone(),
        tag: filter.tags.first().map(tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: i32) -> dto::LifecycleRule {
        dto::LifecycleRule {
            abort_incomplete_multipart_upload: None,
            expiration: Some(dto::LifecycleExpiration { days: Some(days), ..Default::default() }),
            filter: None,
            id: None,
            noncurrent_version_expiration: None,
            noncurrent_version_transitions: None,
            prefix: Some("p/".to_owned()),
            status: dto::ExpirationStatus::from_static("Enabled"),
            transitions: None,
        }
    }

    fn check(rules: &[dto::LifecycleRule], expected: Result<(), &str>) {
        let found = from_dto(rules).map(|_| ()).map_err(|error| error.code().as_str().to_owned());
        assert_eq!(found, expected.map_err(str::to_owned), "{rules:?}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let asked = dto::LifecycleRule { id: Some("a".to_owned()), ..days(3) };
        let read = from_dto(core::slice::from_ref(&asked)).unwrap_or_default();
        assert_eq!(read.rules.iter().map(to_dto).collect::<Vec<_>>(), [asked]);
    }

    #[test]
    fn faults_have_their_codes() {
        check(&[], Err("MalformedXML"));
        check(&[days(0)], Err("InvalidArgument"));
        check(&[days(1), days(2)], Ok(()));
        let named = dto::LifecycleRule { id: Some("a".to_owned()), ..days(1) };
        check(&[named.clone(), named], Err("InvalidArgument"));
        let long = dto::LifecycleRule { id: Some("a".repeat(256)), ..days(1) };
        check(&[long], Err("InvalidArgument"));
        let status = dto::ExpirationStatus::from_static("enabled");
        check(&[dto::LifecycleRule { status, ..days(1) }], Err("MalformedXML"));
        check(&[dto::LifecycleRule { expiration: None, ..days(1) }], Err("InvalidRequest"));
        check(&[dto::LifecycleRule { prefix: None, ..days(1) }], Err("MalformedXML"));
    }
}
