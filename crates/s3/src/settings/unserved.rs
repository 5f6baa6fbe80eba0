//! Settings Essaim does not serve, answered as a bucket that never had them.

use s3s::dto::{
    GetBucketAccelerateConfigurationInput, GetBucketAccelerateConfigurationOutput,
    GetBucketLoggingInput, GetBucketLoggingOutput, GetBucketNotificationConfigurationInput,
    GetBucketNotificationConfigurationOutput, GetBucketReplicationInput,
    GetBucketReplicationOutput, GetBucketRequestPaymentInput, GetBucketRequestPaymentOutput,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::Face;

/// Serves `GetBucketRequestPayment`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_request_payment(
    _face: &Face,
    _req: S3Request<GetBucketRequestPaymentInput>,
) -> S3Result<S3Response<GetBucketRequestPaymentOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketRequestPayment is not served"))
}

/// Serves `GetBucketLogging`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_logging(
    _face: &Face,
    _req: S3Request<GetBucketLoggingInput>,
) -> S3Result<S3Response<GetBucketLoggingOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketLogging is not served"))
}

/// Serves `GetBucketAccelerateConfiguration`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_accelerate_configuration(
    _face: &Face,
    _req: S3Request<GetBucketAccelerateConfigurationInput>,
) -> S3Result<S3Response<GetBucketAccelerateConfigurationOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketAccelerateConfiguration is not served"))
}

/// Serves `GetBucketNotificationConfiguration`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_notification_configuration(
    _face: &Face,
    _req: S3Request<GetBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketNotificationConfiguration is not served"))
}

/// Serves `PutBucketNotificationConfiguration`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn put_bucket_notification_configuration(
    _face: &Face,
    _req: S3Request<PutBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    Err(s3_error!(NotImplemented, "PutBucketNotificationConfiguration is not served"))
}

/// Serves `GetBucketReplication`.
#[expect(clippy::unused_async, reason = "not served yet")]
pub(crate) async fn get_bucket_replication(
    _face: &Face,
    _req: S3Request<GetBucketReplicationInput>,
) -> S3Result<S3Response<GetBucketReplicationOutput>> {
    Err(s3_error!(NotImplemented, "GetBucketReplication is not served"))
}
