//! Default encryption.

use catalog::SettingKind;
use http::StatusCode;
use s3s::dto::{
    DeleteBucketEncryptionInput, DeleteBucketEncryptionOutput, GetBucketEncryptionInput,
    GetBucketEncryptionOutput, PutBucketEncryptionInput, PutBucketEncryptionOutput,
    ServerSideEncryption, ServerSideEncryptionConfiguration,
};
use s3s::{S3Request, S3Response, S3Result};

use super::{store, stored, to_bytes};
use crate::Face;
use crate::error::{custom, malformed_xml};
use crate::gate::{self, Bucket};

/// The default encryption of a bucket, if one was set.
pub(crate) fn of_bucket(bucket: &Bucket) -> S3Result<Option<ServerSideEncryptionConfiguration>> {
    stored(bucket, SettingKind::Encryption)
}

/// Serves `GetBucketEncryption`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_encryption(
    _face: &Face,
    req: S3Request<GetBucketEncryptionInput>,
) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
    gate::authorised(&req.extensions)?;
    let document = of_bucket(gate::bucket(&req.extensions)?)?.ok_or_else(|| {
        custom(
            "ServerSideEncryptionConfigurationNotFoundError",
            StatusCode::NOT_FOUND,
            "The server side encryption configuration was not found",
        )
    })?;
    Ok(S3Response::new(GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(document),
    }))
}

/// Serves `PutBucketEncryption`.
pub(crate) async fn put_bucket_encryption(
    face: &Face,
    req: S3Request<PutBucketEncryptionInput>,
) -> S3Result<S3Response<PutBucketEncryptionOutput>> {
    let document = &req.input.server_side_encryption_configuration;
    let [rule] = document.rules.as_slice() else { return Err(malformed_xml()) };
    let asked = rule.apply_server_side_encryption_by_default.as_ref().ok_or_else(malformed_xml)?;
    let kms = match asked.sse_algorithm.as_str() {
        ServerSideEncryption::AES256 => false,
        ServerSideEncryption::AWS_KMS => true,
        _ => return Err(malformed_xml()),
    };
    if !kms && asked.kms_master_key_id.is_some() {
        return Err(crate::error::invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
        ));
    }
    let bytes = to_bytes(document)?;
    store(face, &req.extensions, SettingKind::Encryption, Some(bytes)).await?;
    Ok(S3Response::new(PutBucketEncryptionOutput {}))
}

/// Serves `DeleteBucketEncryption`.
pub(crate) async fn delete_bucket_encryption(
    face: &Face,
    req: S3Request<DeleteBucketEncryptionInput>,
) -> S3Result<S3Response<DeleteBucketEncryptionOutput>> {
    store(face, &req.extensions, SettingKind::Encryption, None).await?;
    Ok(S3Response::new(DeleteBucketEncryptionOutput {}))
}
