//! Where a bucket is, and how this node proves who it is there.

use core::fmt;
use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use units::ByteCount;

use crate::BucketError;
use crate::limits::{CONNECT_WITHIN, PUT_WITHIN};

/// An access key of the other system. Its secret is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

impl fmt::Debug for BucketCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BucketCredentials({})", self.access_key_id)
    }
}

impl BucketCredentials {
    /// Reads the file of `aws` (`[default]`, `aws_access_key_id = …`) or lines of
    /// `AWS_ACCESS_KEY_ID=…`: nothing else is looked at.
    pub fn parse(text: &str) -> Option<Self> {
        let value = |wanted: &str| {
            let mut lines = text.lines().filter_map(|line| line.trim().split_once('='));
            let found = lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim().trim_matches('"').to_owned())
        };
        let access_key_id = value("aws_access_key_id").filter(|id| !id.is_empty())?;
        let secret_access_key = value("aws_secret_access_key").filter(|key| !key.is_empty())?;
        Some(Self { access_key_id, secret_access_key })
    }
}

/// A bucket, and what of it is this disk's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    /// `s3://BUCKET/PREFIX`.
    pub url: String,
    /// The bucket's name.
    pub bucket: String,
    /// What the names of all objects of this disk begin with; empty for a bucket of its own.
    pub prefix: String,
    /// The address of the other system.
    pub endpoint: String,
    /// The region that it wants in signatures.
    pub region: String,
    /// What the disk may fill.
    pub room: ByteCount,
}

impl BucketPlace {
    /// The bucket and the prefix of a URL; nothing if it is no `s3://BUCKET/PREFIX`.
    pub fn parse(url: &str) -> Option<(String, String)> {
        let rest = url.strip_prefix("s3://")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let is_plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
        };
        let has_gaps = prefix.split('/').any(|part| part.is_empty() || part.starts_with('.'));
        let is_good = !bucket.is_empty()
            && is_plain(bucket)
            && is_plain(prefix)
            && (prefix.is_empty() || !has_gaps);
        is_good.then(|| (bucket.to_owned(), prefix.to_owned()))
    }

    pub(crate) fn prefix_path(&self) -> Path {
        Path::from(self.prefix.as_str())
    }

    /// The client that speaks to it. It tries nothing again by itself: how long a request
    /// may take is known here.
    pub(crate) fn store(
        &self,
        credentials: &BucketCredentials,
    ) -> Result<Arc<dyn ObjectStore>, BucketError> {
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let options = ClientOptions::new()
            .with_connect_timeout(CONNECT_WITHIN)
            .with_timeout(PUT_WITHIN)
            .with_allow_http(true);
        let built = AmazonS3Builder::new()
            .with_endpoint(self.endpoint.trim_end_matches('/'))
            .with_region(&self.region)
            .with_bucket_name(&self.bucket)
            .with_access_key_id(&credentials.access_key_id)
            .with_secret_access_key(&credentials.secret_access_key)
            .with_client_options(options)
            .with_retry(retry)
            .build();
        match built {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => {
                Err(BucketError::Settings { reason: format!("the bucket {}: {error}", self.url) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_bucket_and_a_prefix() {
        for (url, expected) in [
            ("s3://fragments/essaim", Some(("fragments", "essaim"))),
            ("s3://fragments", Some(("fragments", ""))),
            ("s3://fragments/a/b/", Some(("fragments", "a/b"))),
            ("s3://", None),
            ("s3:///a", None),
            ("s3://a/../b", None),
            ("s3://a/b//c", None),
            ("https://a/b", None),
            ("s3://a b", None),
        ] {
            let found = BucketPlace::parse(url);
            let found = found.as_ref().map(|(bucket, prefix)| (bucket.as_str(), prefix.as_str()));
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn credentials_are_read_from_either_form() {
        let aws = "[default]\naws_access_key_id = GK1\naws_secret_access_key = s3cret\n";
        let lines = "AWS_ACCESS_KEY_ID=GK1\nAWS_SECRET_ACCESS_KEY=\"s3cret\"\n";
        for text in [aws, lines] {
            let found = BucketCredentials::parse(text).expect("a key");
            let (id, secret) = (&found.access_key_id, &found.secret_access_key);
            assert_eq!((id.as_str(), secret.as_str()), ("GK1", "s3cret"));
            assert!(!format!("{found:?}").contains("s3cret"));
        }
        for text in ["", "aws_access_key_id = a", "aws_secret_access_key = b"] {
            assert_eq!(BucketCredentials::parse(text), None, "{text}");
        }
    }
}
