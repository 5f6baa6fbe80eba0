//! Static website configuration.

use catalog::SettingKind;
use s3s::dto::{
    DeleteBucketWebsiteInput, DeleteBucketWebsiteOutput, GetBucketWebsiteInput,
    GetBucketWebsiteOutput, PutBucketWebsiteInput, PutBucketWebsiteOutput, WebsiteConfiguration,
};
use s3s::{S3Request, S3Response, S3Result};

use super::{store, stored, to_bytes};
use crate::Face;
use crate::error::{custom, invalid_argument, malformed_xml};
use crate::gate::{self, Bucket};
use crate::limits::WEBSITE_RULES_MAX;

/// The website configuration of a bucket.
pub(crate) fn of_bucket(bucket: &Bucket) -> S3Result<Option<WebsiteConfiguration>> {
    stored(bucket, SettingKind::Website)
}

/// Serves `GetBucketWebsite`.
#[expect(clippy::unused_async, reason = "every verb is asynchronous")]
pub(crate) async fn get_bucket_website(
    _face: &Face,
    req: S3Request<GetBucketWebsiteInput>,
) -> S3Result<S3Response<GetBucketWebsiteOutput>> {
    gate::authorised(&req.extensions)?;
    let document = of_bucket(gate::bucket(&req.extensions)?)?.ok_or_else(|| {
        custom(
            "NoSuchWebsiteConfiguration",
            http::StatusCode::NOT_FOUND,
            "The specified bucket does not have a website configuration",
        )
    })?;
    Ok(S3Response::new(GetBucketWebsiteOutput {
        error_document: document.error_document,
        index_document: document.index_document,
        redirect_all_requests_to: document.redirect_all_requests_to,
        routing_rules: document.routing_rules,
    }))
}

/// Serves `PutBucketWebsite`.
pub(crate) async fn put_bucket_website(
    face: &Face,
    req: S3Request<PutBucketWebsiteInput>,
) -> S3Result<S3Response<PutBucketWebsiteOutput>> {
    let document = &req.input.website_configuration;
    check(document)?;
    let bytes = to_bytes(document)?;
    store(face, &req.extensions, SettingKind::Website, Some(bytes)).await?;
    Ok(S3Response::new(PutBucketWebsiteOutput {}))
}

/// Serves `DeleteBucketWebsite`.
pub(crate) async fn delete_bucket_website(
    face: &Face,
    req: S3Request<DeleteBucketWebsiteInput>,
) -> S3Result<S3Response<DeleteBucketWebsiteOutput>> {
    store(face, &req.extensions, SettingKind::Website, None).await?;
    Ok(S3Response::new(DeleteBucketWebsiteOutput {}))
}

fn check(document: &WebsiteConfiguration) -> S3Result {
    let rules = document.routing_rules.as_deref().unwrap_or_default();
    let all = document.redirect_all_requests_to.is_some();
    let page = document.index_document.is_some();
    if all && (page || document.error_document.is_some() || !rules.is_empty()) {
        return Err(invalid_argument(
            "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
        ));
    }
    if !all && !page {
        return Err(invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
        ));
    }
    let suffix = document.index_document.as_ref().map(|index| index.suffix.as_str());
    if suffix.is_some_and(|suffix| suffix.is_empty() || suffix.contains('/')) {
        return Err(invalid_argument("The IndexDocument Suffix is not well formed"));
    }
    if rules.len() > WEBSITE_RULES_MAX {
        return Err(malformed_xml());
    }
    Ok(())
}
