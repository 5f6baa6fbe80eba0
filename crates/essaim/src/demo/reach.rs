//! S3 clients as users have them: they know the addresses of all sites, begin with one,
//! and turn to the next when it does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{ClientOptions, Error, ObjectStoreExt as _, RetryConfig};

use super::machine::Credentials;
use crate::failure::Failure;

/// How long one site is waited for before the next one is asked.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long a client goes on in all.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it rests after a site that could not help it.
const REST: Duration = Duration::from_millis(20);

/// The ways to the sites; cheap to clone.
#[derive(Clone)]
pub struct Reach {
    sites: Arc<Vec<AmazonS3>>,
    turn: Arc<AtomicUsize>,
}

/// What was asked for, and how long it took until a site had answered.
pub struct Answered<T> {
    /// The answer.
    pub value: T,
    /// From when it was first asked for, whoever answered in the end.
    pub after: Duration,
    /// Answers that were none, before.
    pub failed: u64,
}

/// Connects straight to an address of this machine, whatever proxy the user has set.
#[derive(Debug)]
struct Straight;

impl HttpConnector for Straight {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build();
        let client =
            client.map_err(|source| Error::Generic { store: "demo", source: Box::new(source) })?;
        Ok(HttpClient::new(client))
    }
}

impl Reach {
    /// The ways to a bucket at these endpoints.
    pub fn new(
        endpoints: &[&str],
        credentials: &Credentials,
        bucket: &str,
    ) -> Result<Self, Failure> {
        let mut sites = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let never = RetryConfig { max_retries: 0, ..RetryConfig::default() };
            let store = AmazonS3Builder::new()
                .with_endpoint(*endpoint)
                .with_region(&credentials.region)
                .with_bucket_name(bucket)
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(&credentials.secret_access_key)
                .with_allow_http(true)
                .with_http_connector(Straight)
                .with_retry(never)
                .build();
            sites.push(
                store.map_err(|error| Failure::failed(format!("no S3 client: {error}"), ""))?,
            );
        }
        Ok(Self { sites: Arc::new(sites), turn: Arc::default() })
    }

    /// Reads a document at whichever site answers.
    pub async fn get(&self, key: &str) -> Result<Answered<Bytes>, Failure> {
        let path = named(key)?;
        let mut attempts = self.attempts(key);
        loop {
            let got = match attempts.site()?.get(&path).await {
                Ok(found) => found.bytes().await,
                Err(error) => Err(error),
            };
            match got {
                Ok(value) => return Ok(attempts.answered(value)),
                Err(error) => attempts.failed(error).await?,
            }
        }
    }

    /// Stores a document at whichever site answers.
    pub async fn put(&self, key: &str, bytes: &Bytes) -> Result<Answered<()>, Failure> {
        let path = named(key)?;
        let mut attempts = self.attempts(key);
        loop {
            match attempts.site()?.put(&path, bytes.clone().into()).await {
                Ok(_) => return Ok(attempts.answered(())),
                Err(error) => attempts.failed(error).await?,
            }
        }
    }

    fn attempts<'a>(&'a self, key: &'a str) -> Attempts<'a> {
        Attempts { reach: self, key, since: Instant::now(), failed: 0 }
    }
}

/// The attempts at one request.
struct Attempts<'a> {
    reach: &'a Reach,
    key: &'a str,
    since: Instant,
    failed: u64,
}

impl Attempts<'_> {
    /// The site whose turn it is.
    fn site(&self) -> Result<&AmazonS3, Failure> {
        let turn = self.reach.turn.fetch_add(1, Ordering::Relaxed);
        let site = self.reach.sites.get(turn % self.reach.sites.len().max(1));
        site.ok_or_else(|| Failure::failed("there is no site", ""))
    }

    fn answered<T>(self, value: T) -> Answered<T> {
        Answered { value, after: self.since.elapsed(), failed: self.failed }
    }

    /// This site could not: the next one is asked after a rest, unless it has been long.
    async fn failed(&mut self, error: Error) -> Result<(), Failure> {
        self.failed += 1;
        if self.since.elapsed() > PATIENCE {
            let (key, seconds) = (self.key, PATIENCE.as_secs());
            return Err(Failure::failed(
                format!("no site answered about {key} within {seconds} s: {error}"),
                "",
            ));
        }
        tokio::time::sleep(REST).await;
        Ok(())
    }
}

/// A key as it is: the library would escape some characters of a path.
fn named(key: &str) -> Result<Path, Failure> {
    Path::parse(key).map_err(|error| {
        Failure::failed(
            format!("{key:?} cannot be the name of an object: {error}"),
            "rename the file",
        )
    })
}
