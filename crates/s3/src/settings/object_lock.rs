//! Object lock: whether on, and the default retention.

use catalog::{DefaultRetention, DefaultRetentionPeriod, ObjectLock, RetentionMode};
use http::StatusCode;
use s3s::dto::{
    self, GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput,
    ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
    PutObjectLockConfigurationInput, PutObjectLockConfigurationOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};

use crate::Face;
use crate::error::{custom, failed, malformed_xml};
use crate::gate;
use crate::limits::{RETENTION_DAYS_MAX, RETENTION_YEARS_MAX};

/// Serves `GetObjectLockConfiguration`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_object_lock_configuration(
    _face: &Face,
    req: S3Request<GetObjectLockConfigurationInput>,
) -> S3Result<S3Response<GetObjectLockConfigurationOutput>> {
    gate::authorised(&req.extensions)?;
    let lock = gate::bucket(&req.extensions)?.facts.bucket.object_lock;
    let lock = lock.ok_or_else(|| {
        custom(
            "ObjectLockConfigurationNotFoundError",
            StatusCode::NOT_FOUND,
            "Object Lock configuration does not exist for this bucket",
        )
    })?;
    let configuration = ObjectLockConfiguration {
        object_lock_enabled: Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED)),
        rule: lock
            .default_retention
            .map(|retention| ObjectLockRule { default_retention: Some(to_dto(retention)) }),
    };
    Ok(S3Response::new(GetObjectLockConfigurationOutput {
        object_lock_configuration: Some(configuration),
    }))
}

/// Serves `PutObjectLockConfiguration`.
pub(crate) async fn put_object_lock_configuration(
    face: &Face,
    req: S3Request<PutObjectLockConfigurationInput>,
) -> S3Result<S3Response<PutObjectLockConfigurationOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let configuration = req.input.object_lock_configuration.as_ref().ok_or_else(malformed_xml)?;
    let enabled = configuration.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str);
    if enabled != Some(ObjectLockEnabled::ENABLED) {
        return Err(malformed_xml());
    }
    let retention = configuration.rule.as_ref().map(rule).transpose()?;
    let name = gate::bucket(&req.extensions)?.name();
    let lock = ObjectLock { default_retention: retention };
    face.objects.bucket_lock_set(authorised, name, lock).await.map_err(failed)?;
    Ok(S3Response::new(PutObjectLockConfigurationOutput::default()))
}

fn rule(rule: &ObjectLockRule) -> S3Result<DefaultRetention> {
    let asked = rule.default_retention.as_ref().ok_or_else(malformed_xml)?;
    let mode = match asked.mode.as_ref().map(ObjectLockRetentionMode::as_str) {
        Some(ObjectLockRetentionMode::GOVERNANCE) => RetentionMode::Governance,
        Some(ObjectLockRetentionMode::COMPLIANCE) => RetentionMode::Compliance,
        _ => return Err(malformed_xml()),
    };
    let within = |value: i32, max: u32| {
        u32::try_from(value).ok().filter(|value| (1..=max).contains(value)).ok_or_else(period)
    };
    let period = match (asked.days, asked.years) {
        (Some(days), None) => DefaultRetentionPeriod::Days(within(days, RETENTION_DAYS_MAX)?),
        (None, Some(years)) => DefaultRetentionPeriod::Years(within(years, RETENTION_YEARS_MAX)?),
        _ => return Err(malformed_xml()),
    };
    Ok(DefaultRetention { mode, period })
}

fn period() -> S3Error {
    custom(
        "InvalidRetentionPeriod",
        StatusCode::BAD_REQUEST,
        "Default retention period must be a positive integer value.",
    )
}

fn to_dto(retention: DefaultRetention) -> dto::DefaultRetention {
    let number = |value: u32| i32::try_from(value).ok();
    let (days, years) = match retention.period {
        DefaultRetentionPeriod::Days(days) => (number(days), None),
        DefaultRetentionPeriod::Years(years) => (None, number(years)),
    };
    let mode = match retention.mode {
        RetentionMode::Governance => ObjectLockRetentionMode::GOVERNANCE,
        RetentionMode::Compliance => ObjectLockRetentionMode::COMPLIANCE,
    };
    dto::DefaultRetention { days, mode: Some(ObjectLockRetentionMode::from_static(mode)), years }
}
