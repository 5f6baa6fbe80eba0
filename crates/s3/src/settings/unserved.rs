//! Settings Essaim does not serve, answered as a bucket that never had them.
//!
//! Clients ask for these while looking at a bucket, so reading must work;
//! storing one would be a promise that nobody keeps.

use http::StatusCode;
use s3s::dto::{
    GetBucketAccelerateConfigurationInput, GetBucketAccelerateConfigurationOutput,
    GetBucketLoggingInput, GetBucketLoggingOutput, GetBucketNotificationConfigurationInput,
    GetBucketNotificationConfigurationOutput, GetBucketReplicationInput,
    GetBucketReplicationOutput, GetBucketRequestPaymentInput, GetBucketRequestPaymentOutput, Payer,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;
use crate::error::custom;
use crate::gate;

/// Serves `GetBucketRequestPayment`: the owner pays.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_request_payment(
    _face: &Face,
    req: S3Request<GetBucketRequestPaymentInput>,
) -> S3Result<S3Response<GetBucketRequestPaymentOutput>> {
    gate::authorised(&req.extensions)?;
    let payer = Some(Payer::from_static(Payer::BUCKET_OWNER));
    Ok(S3Response::new(GetBucketRequestPaymentOutput { payer }))
}

/// Serves `GetBucketLogging`: off.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_logging(
    _face: &Face,
    req: S3Request<GetBucketLoggingInput>,
) -> S3Result<S3Response<GetBucketLoggingOutput>> {
    gate::authorised(&req.extensions)?;
    Ok(S3Response::new(GetBucketLoggingOutput::default()))
}

/// Serves `GetBucketAccelerateConfiguration`: off.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_accelerate_configuration(
    _face: &Face,
    req: S3Request<GetBucketAccelerateConfigurationInput>,
) -> S3Result<S3Response<GetBucketAccelerateConfigurationOutput>> {
    gate::authorised(&req.extensions)?;
    Ok(S3Response::new(GetBucketAccelerateConfigurationOutput::default()))
}

/// Serves `GetBucketNotificationConfiguration`: none.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_notification_configuration(
    _face: &Face,
    req: S3Request<GetBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
    gate::authorised(&req.extensions)?;
    Ok(S3Response::new(GetBucketNotificationConfigurationOutput::default()))
}

/// Serves `PutBucketNotificationConfiguration`: only the empty one.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn put_bucket_notification_configuration(
    _face: &Face,
    req: S3Request<PutBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    gate::authorised(&req.extensions)?;
    let asked = &req.input.notification_configuration;
    let none = asked.event_bridge_configuration.is_none()
        && asked.lambda_function_configurations.is_none()
        && asked.queue_configurations.is_none()
        && asked.topic_configurations.is_none();
    if none {
        return Ok(S3Response::new(PutBucketNotificationConfigurationOutput {}));
    }
    Err(s3_error!(NotImplemented, "Bucket notifications are not implemented"))
}

/// Serves `GetBucketReplication`: not configured.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_replication(
    _face: &Face,
    req: S3Request<GetBucketReplicationInput>,
) -> S3Result<S3Response<GetBucketReplicationOutput>> {
    gate::authorised(&req.extensions)?;
    Err(custom(
        "ReplicationConfigurationNotFoundError",
        StatusCode::NOT_FOUND,
        "The replication configuration was not found",
    ))
}
