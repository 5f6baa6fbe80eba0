//! A disk that lies in a bucket of another S3 system.
//!
//! Its place is a URL. That it is a disk, whose, and which, stands in the bucket, as it does
//! on any disk; so it is known again wherever its node starts.

use std::path::PathBuf;

use bucket::{BucketCredentials, BucketDisk, BucketPlace};
use units::ByteCount;

use super::{Candidate, DISK_MARK};
use crate::files::file_read;
use crate::identity::Identity;
use crate::settings::Settings;
use crate::trouble::{Trouble, chain};

/// Opens the bucket of the settings, if they name one. One that does not answer is passed
/// over if it is a disk of this node and disks may be missing.
pub(super) async fn open(
    settings: &Settings,
    identity: &Identity,
) -> Result<Option<Candidate>, Trouble> {
    let Some((place, credentials)) = place(settings)? else { return Ok(None) };
    let directory = PathBuf::from(&place.url);
    let owner = identity.node.to_string();
    let opening =
        tokio::task::spawn_blocking(move || BucketDisk::open(&place, &credentials, &owner));
    let opened = opening.await.map_err(|_| Trouble::new("the start was cut short", "try again"))?;
    match opened {
        Ok(disk) => Ok(Some(Candidate { directory, disk })),
        Err(error) => {
            let trouble = Trouble::new(
                chain(&error),
                "look at --bucket-url, --bucket-endpoint, --bucket-region and \
                 --bucket-credentials; if another node had the bucket and is gone for good, delete \
                 its object under owners/; to start without it: --allow-missing-disks",
            );
            let is_known = identity.disks.iter().any(|known| known.directory == directory);
            if settings.allow_missing_disks && is_known {
                tracing::error!(reason = trouble.message, "the bucket is left out");
                return Ok(None);
            }
            Err(trouble)
        }
    }
}

/// Whether a bucket is a disk already.
pub(super) fn is_marked(bucket: &Candidate) -> Result<bool, Trouble> {
    bucket.disk.exists(DISK_MARK).map_err(|error| Trouble::new(chain(&error), "try again"))
}

fn place(settings: &Settings) -> Result<Option<(BucketPlace, BucketCredentials)>, Trouble> {
    let named = &settings.bucket;
    let (Some(url), Some(endpoint), Some(file), Some(room)) =
        (&named.url, &named.endpoint, &named.credentials, named.room)
    else {
        return Ok(None);
    };
    let (bucket, prefix) = BucketPlace::parse(url).ok_or_else(|| {
        Trouble::new(format!("{url} is no s3://BUCKET/PREFIX"), "mend --bucket-url")
    })?;
    let credentials = BucketCredentials::parse(&file_read(file)?).ok_or_else(|| {
        Trouble::new(
            format!("{} has no access key in it", file.display()),
            "write two lines: aws_access_key_id = … and aws_secret_access_key = …",
        )
    })?;
    let place = BucketPlace {
        url: url.trim_end_matches('/').to_owned(),
        bucket,
        prefix,
        endpoint: endpoint.clone(),
        region: named.region.clone(),
        room: ByteCount::new(room),
    };
    Ok(Some((place, credentials)))
}
