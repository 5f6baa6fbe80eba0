//! Actions: what a request wants to do, as the `s3:` names of AWS
//! (Service Authorization Reference, "Actions defined by Amazon S3") and the
//! node's own `essaim:` names.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// A name that is no action.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("no such action")]
pub struct ParseActionError;

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The caller's tenant as a whole.
    Service,
    /// One bucket.
    Bucket,
    /// One object of a bucket.
    Object,
    /// The node: only its operators.
    Node,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $level:ident, $writes:literal;)*) => {
        /// What a request wants to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name, as policies write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it is about.
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            /// Whether it changes anything; a read-only key may do only the others.
            pub const fn writes(self) -> bool {
                match self { $(Self::$name => $writes,)* }
            }
        }
    };
}

actions! {
    /// List the buckets of the caller's tenant.
    ListAllMyBuckets = "s3:ListAllMyBuckets", Service, false;
    /// Create a bucket.
    CreateBucket = "s3:CreateBucket", Bucket, true;
    /// Delete an empty bucket.
    DeleteBucket = "s3:DeleteBucket", Bucket, true;
    /// List objects, or ask whether the bucket exists.
    ListBucket = "s3:ListBucket", Bucket, false;
    /// List object versions.
    ListBucketVersions = "s3:ListBucketVersions", Bucket, false;
    /// List unfinished uploads.
    ListBucketMultipartUploads = "s3:ListBucketMultipartUploads", Bucket, false;
    /// Read where the bucket is.
    GetBucketLocation = "s3:GetBucketLocation", Bucket, false;
    /// Read whether versions are kept.
    GetBucketVersioning = "s3:GetBucketVersioning", Bucket, false;
    /// Say whether versions are kept.
    PutBucketVersioning = "s3:PutBucketVersioning", Bucket, true;
    /// Read the bucket policy.
    GetBucketPolicy = "s3:GetBucketPolicy", Bucket, false;
    /// Store the bucket policy.
    PutBucketPolicy = "s3:PutBucketPolicy", Bucket, true;
    /// Remove the bucket policy.
    DeleteBucketPolicy = "s3:DeleteBucketPolicy", Bucket, true;
    /// Read whether the policy makes the bucket public.
    GetBucketPolicyStatus = "s3:GetBucketPolicyStatus", Bucket, false;
    /// Read the access control list of a bucket.
    GetBucketAcl = "s3:GetBucketAcl", Bucket, false;
    /// Store the access control list of a bucket.
    PutBucketAcl = "s3:PutBucketAcl", Bucket, true;
    /// Read the cross-origin rules.
    GetBucketCORS = "s3:GetBucketCORS", Bucket, false;
    /// Store or remove the cross-origin rules.
    PutBucketCORS = "s3:PutBucketCORS", Bucket, true;
    /// Read the tags of a bucket.
    GetBucketTagging = "s3:GetBucketTagging", Bucket, false;
    /// Store or remove the tags of a bucket.
    PutBucketTagging = "s3:PutBucketTagging", Bucket, true;
    /// Read the website settings.
    GetBucketWebsite = "s3:GetBucketWebsite", Bucket, false;
    /// Store the website settings.
    PutBucketWebsite = "s3:PutBucketWebsite", Bucket, true;
    /// Remove the website settings.
    DeleteBucketWebsite = "s3:DeleteBucketWebsite", Bucket, true;
    /// Read the lifecycle rules.
    GetLifecycleConfiguration = "s3:GetLifecycleConfiguration", Bucket, false;
    /// Store or remove the lifecycle rules.
    PutLifecycleConfiguration = "s3:PutLifecycleConfiguration", Bucket, true;
    /// Read the default encryption.
    GetEncryptionConfiguration = "s3:GetEncryptionConfiguration", Bucket, false;
    /// Store or remove the default encryption.
    PutEncryptionConfiguration = "s3:PutEncryptionConfiguration", Bucket, true;
    /// Read the public-access block.
    GetBucketPublicAccessBlock = "s3:GetBucketPublicAccessBlock", Bucket, false;
    /// Store or remove the public-access block.
    PutBucketPublicAccessBlock = "s3:PutBucketPublicAccessBlock", Bucket, true;
    /// Read the ownership controls.
    GetBucketOwnershipControls = "s3:GetBucketOwnershipControls", Bucket, false;
    /// Store or remove the ownership controls.
    PutBucketOwnershipControls = "s3:PutBucketOwnershipControls", Bucket, true;
    /// Read the object lock settings.
    GetBucketObjectLockConfiguration = "s3:GetBucketObjectLockConfiguration", Bucket, false;
    /// Store the object lock settings.
    PutBucketObjectLockConfiguration = "s3:PutBucketObjectLockConfiguration", Bucket, true;
    /// Read the notification settings.
    GetBucketNotification = "s3:GetBucketNotification", Bucket, false;
    /// Store the notification settings.
    PutBucketNotification = "s3:PutBucketNotification", Bucket, true;
    /// Read the access log settings.
    GetBucketLogging = "s3:GetBucketLogging", Bucket, false;
    /// Store the access log settings.
    PutBucketLogging = "s3:PutBucketLogging", Bucket, true;
    /// Read who pays for requests.
    GetBucketRequestPayment = "s3:GetBucketRequestPayment", Bucket, false;
    /// Say who pays for requests.
    PutBucketRequestPayment = "s3:PutBucketRequestPayment", Bucket, true;
    /// Read the replication settings.
    GetReplicationConfiguration = "s3:GetReplicationConfiguration", Bucket, false;
    /// Store the replication settings.
    PutReplicationConfiguration = "s3:PutReplicationConfiguration", Bucket, true;
    /// Read the acceleration settings.
    GetAccelerateConfiguration = "s3:GetAccelerateConfiguration", Bucket, false;
    /// Store the acceleration settings.
    PutAccelerateConfiguration = "s3:PutAccelerateConfiguration", Bucket, true;
    /// Read an inventory setting.
    GetInventoryConfiguration = "s3:GetInventoryConfiguration", Bucket, false;
    /// Store an inventory setting.
    PutInventoryConfiguration = "s3:PutInventoryConfiguration", Bucket, true;
    /// Read an analytics setting.
    GetAnalyticsConfiguration = "s3:GetAnalyticsConfiguration", Bucket, false;
    /// Store an analytics setting.
    PutAnalyticsConfiguration = "s3:PutAnalyticsConfiguration", Bucket, true;
    /// Read a metrics setting.
    GetMetricsConfiguration = "s3:GetMetricsConfiguration", Bucket, false;
    /// Store a metrics setting.
    PutMetricsConfiguration = "s3:PutMetricsConfiguration", Bucket, true;
    /// Read a tiering setting.
    GetIntelligentTieringConfiguration = "s3:GetIntelligentTieringConfiguration", Bucket, false;
    /// Store a tiering setting.
    PutIntelligentTieringConfiguration = "s3:PutIntelligentTieringConfiguration", Bucket, true;
    /// Read the newest version of an object.
    GetObject = "s3:GetObject", Object, false;
    /// Read a named version of an object.
    GetObjectVersion = "s3:GetObjectVersion", Object, false;
    /// Read what is known of an object.
    GetObjectAttributes = "s3:GetObjectAttributes", Object, false;
    /// Read what is known of a named version.
    GetObjectVersionAttributes = "s3:GetObjectVersionAttributes", Object, false;
    /// Write an object, or any part of one.
    PutObject = "s3:PutObject", Object, true;
    /// Delete an object, or put a delete marker.
    DeleteObject = "s3:DeleteObject", Object, true;
    /// Delete a named version.
    DeleteObjectVersion = "s3:DeleteObjectVersion", Object, true;
    /// Abort an upload.
    AbortMultipartUpload = "s3:AbortMultipartUpload", Object, true;
    /// List the parts of an upload.
    ListMultipartUploadParts = "s3:ListMultipartUploadParts", Object, false;
    /// Read the access control list of an object.
    GetObjectAcl = "s3:GetObjectAcl", Object, false;
    /// Store the access control list of an object.
    PutObjectAcl = "s3:PutObjectAcl", Object, true;
    /// Read the access control list of a named version.
    GetObjectVersionAcl = "s3:GetObjectVersionAcl", Object, false;
    /// Store the access control list of a named version.
    PutObjectVersionAcl = "s3:PutObjectVersionAcl", Object, true;
    /// Read the tags of an object.
    GetObjectTagging = "s3:GetObjectTagging", Object, false;
    /// Store the tags of an object.
    PutObjectTagging = "s3:PutObjectTagging", Object, true;
    /// Remove the tags of an object.
    DeleteObjectTagging = "s3:DeleteObjectTagging", Object, true;
    /// Read the tags of a named version.
    GetObjectVersionTagging = "s3:GetObjectVersionTagging", Object, false;
    /// Store the tags of a named version.
    PutObjectVersionTagging = "s3:PutObjectVersionTagging", Object, true;
    /// Remove the tags of a named version.
    DeleteObjectVersionTagging = "s3:DeleteObjectVersionTagging", Object, true;
    /// Read until when an object is kept.
    GetObjectRetention = "s3:GetObjectRetention", Object, false;
    /// Say until when an object is kept.
    PutObjectRetention = "s3:PutObjectRetention", Object, true;
    /// Read whether an object is held.
    GetObjectLegalHold = "s3:GetObjectLegalHold", Object, false;
    /// Say whether an object is held.
    PutObjectLegalHold = "s3:PutObjectLegalHold", Object, true;
    /// Get round governance retention.
    BypassGovernanceRetention = "s3:BypassGovernanceRetention", Object, true;
    /// Bring an object back from an archive.
    RestoreObject = "s3:RestoreObject", Object, true;
    /// Read an object as a torrent.
    GetObjectTorrent = "s3:GetObjectTorrent", Object, false;
    /// Write a replica.
    ReplicateObject = "s3:ReplicateObject", Object, true;
    /// Delete a replica.
    ReplicateDelete = "s3:ReplicateDelete", Object, true;
    /// Write the tags of a replica.
    ReplicateTags = "s3:ReplicateTags", Object, true;
    /// Read the node's state and settings.
    AdminRead = "essaim:AdminRead", Node, false;
    /// Change tenants, users, keys and settings of the node.
    AdminWrite = "essaim:AdminWrite", Node, true;
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = ParseActionError;

    /// Action names do not depend on case.
    fn from_str(text: &str) -> Result<Self, ParseActionError> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.name().eq_ignore_ascii_case(text))
            .ok_or(ParseActionError)
    }
}
