//! GET service: the buckets of the caller.

use catalog::BucketName;
use s3s::dto::{Bucket, ListBucketsInput, ListBucketsOutput};
use s3s::{S3Request, S3Response, S3Result};

use crate::Face;
use crate::date;
use crate::error::{failed, invalid_argument};
use crate::gate;
use crate::limits::BUCKETS_LISTED_MAX;
use crate::settings::owner_of;

/// Serves `ListBuckets`.
pub(crate) async fn list_buckets(
    face: &Face,
    req: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let authorised = gate::authorised(&req.extensions)?;
    let input = &req.input;
    let max = match input.max_buckets {
        None => BUCKETS_LISTED_MAX,
        Some(max) => usize::try_from(max)
            .ok()
            .filter(|max| (1..=BUCKETS_LISTED_MAX).contains(max))
            .ok_or_else(|| {
                invalid_argument("Argument max-buckets must be an integer between 1 and 10000")
            })?,
    };
    let elsewhere = input.bucket_region.as_deref().is_some_and(|region| region != face.region());
    let after = input.continuation_token.as_deref().map(decode).transpose()?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let mut buckets = if elsewhere {
        Vec::new()
    } else {
        face.objects
            .buckets_list(authorised, prefix, after.as_ref(), max.saturating_add(1))
            .await
            .map_err(failed)?
    };
    let more = buckets.len() > max;
    buckets.truncate(max);
    let next = buckets.last().filter(|_| more).map(|bucket| encode(bucket.name.as_str()));
    let owner = match authorised.tenant() {
        Some(tenant) => face.objects.tenant_facts(tenant).await.map_err(failed)?,
        None => None,
    };
    let buckets = buckets.into_iter().map(|bucket| Bucket {
        bucket_region: input.max_buckets.is_some().then(|| face.region().to_owned()),
        creation_date: Some(date::dto(bucket.created)),
        name: Some(bucket.name.as_str().to_owned()),
    });
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        continuation_token: next,
        owner: owner.map(|tenant| owner_of(&tenant)),
        prefix: input.prefix.clone(),
    }))
}

/// Tokens are opaque: nobody may come to rely on what is in them.
fn encode(name: &str) -> String {
    hex::encode(name)
}

fn decode(token: &str) -> S3Result<BucketName> {
    let bytes = hex::decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|name| BucketName::new(name).ok())
        .ok_or_else(|| invalid_argument("The continuation token provided is incorrect"))
}
