//! Multipart uploads, one verb per file.

pub(crate) mod abort;
pub(crate) mod complete;
pub(crate) mod create;
pub(crate) mod list_parts;
pub(crate) mod upload_part;
pub(crate) mod upload_part_copy;

use objects::UploadName;
use s3s::{S3Result, s3_error};
use units::UploadId;

use crate::object::object_name;

/// The upload that a request names; what is no id names no upload.
pub(crate) fn upload_name(bucket: &str, key: &str, upload_id: &str) -> S3Result<UploadName> {
    let upload = upload_id.parse::<UploadId>().map_err(|_| {
        s3_error!(
            NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload \
             may have been aborted or completed."
        )
    })?;
    Ok(UploadName { name: object_name(bucket, key)?, upload })
}
