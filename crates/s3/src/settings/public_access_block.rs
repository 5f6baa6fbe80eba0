//! The block on public access: four switches above policies and grants.

use access::PublicAccessBlock;
use catalog::SettingKind;
use s3s::dto::{
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetPublicAccessBlockInput,
    GetPublicAccessBlockOutput, PublicAccessBlockConfiguration, PutPublicAccessBlockInput,
    PutPublicAccessBlockOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::{from_bytes, store, to_bytes};
use crate::Face;
use crate::error::custom;
use crate::gate;

/// What the stored bytes say.
pub(crate) fn stored(bytes: &[u8]) -> S3Result<PublicAccessBlock> {
    let document: PublicAccessBlockConfiguration = from_bytes(bytes)?;
    Ok(PublicAccessBlock {
        block_public_acls: document.block_public_acls.unwrap_or_default(),
        ignore_public_acls: document.ignore_public_acls.unwrap_or_default(),
        block_public_policy: document.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: document.restrict_public_buckets.unwrap_or_default(),
    })
}

/// Serves `GetPublicAccessBlock`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_public_access_block(
    _face: &Face,
    req: S3Request<GetPublicAccessBlockInput>,
) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
    gate::authorised(&req.extensions)?;
    let bucket = gate::bucket(&req.extensions)?;
    let document = super::stored(bucket, SettingKind::PublicAccessBlock)?.ok_or_else(|| {
        custom(
            "NoSuchPublicAccessBlockConfiguration",
            http::StatusCode::NOT_FOUND,
            "The public access block configuration was not found",
        )
    })?;
    Ok(S3Response::new(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(document),
    }))
}

/// Serves `PutPublicAccessBlock`.
pub(crate) async fn put_public_access_block(
    face: &Face,
    req: S3Request<PutPublicAccessBlockInput>,
) -> S3Result<S3Response<PutPublicAccessBlockOutput>> {
    let asked = &req.input.public_access_block_configuration;
    // Switches that are not named are off, and are shown so.
    let document = PublicAccessBlockConfiguration {
        block_public_acls: Some(asked.block_public_acls.unwrap_or_default()),
        block_public_policy: Some(asked.block_public_policy.unwrap_or_default()),
        ignore_public_acls: Some(asked.ignore_public_acls.unwrap_or_default()),
        restrict_public_buckets: Some(asked.restrict_public_buckets.unwrap_or_default()),
    };
    let bytes = to_bytes(&document)?;
    store(face, &req.extensions, SettingKind::PublicAccessBlock, Some(bytes)).await?;
    Ok(S3Response::new(PutPublicAccessBlockOutput {}))
}

/// Serves `DeletePublicAccessBlock`.
pub(crate) async fn delete_public_access_block(
    face: &Face,
    req: S3Request<DeletePublicAccessBlockInput>,
) -> S3Result<S3Response<DeletePublicAccessBlockOutput>> {
    store(face, &req.extensions, SettingKind::PublicAccessBlock, None).await?;
    Ok(S3Response::new(DeletePublicAccessBlockOutput {}))
}
