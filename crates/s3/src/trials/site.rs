//! A small site: one tenant with a key, one bucket with an object, and a spy that
//! counts what reaches the catalog and the disks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use access::Authorised;
use bytes::Bytes;
use catalog::{Batch, KeyScope, Quota, Rows, TenantName};
use disk::{Disk, SimDisk};
use http::{Method, Request, Response};
use http_body_util::Full;
use kv::{Engine, KvError, SimEngine};
use objects::Objects;
use s3s::Body;
use units::{ByteCount, Clock, ClusterId, NodeId, Random, SimRandom};

use super::signer::{Signer, encode, encode_path, sha256};
use crate::server::{Bounds, Domain, Front, Peer, Region, Settings, Strangers};

pub(super) const REGION: &str = "eu-village";
pub(super) const HOST: &str = "localhost:9000";
/// Buckets are hosts under this domain, and websites under the other.
pub(super) const DOMAIN: &str = "s3.village.example";
pub(super) const WEB_DOMAIN: &str = "web.village.example";
/// Where requests come from, unless a trial says otherwise.
pub(super) const ADDRESS: [u8; 4] = [192, 0, 2, 1];

/// Counts the looks into the catalog and the writes to it.
struct SpyEngine {
    inner: SimEngine,
    views: AtomicU64,
    commits: AtomicU64,
}

impl Engine for SpyEngine {
    fn view(&self) -> Arc<dyn Rows> {
        self.views.fetch_add(1, Ordering::SeqCst);
        self.inner.view()
    }

    fn commit(&self, batch: &Batch) -> Result<(), KvError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.inner.commit(batch)
    }

    fn persist(&self) -> Result<(), KvError> {
        self.inner.persist()
    }

    fn approximate_bytes(&self) -> ByteCount {
        self.inner.approximate_bytes()
    }
}

/// What was touched so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touched {
    /// Looks into the catalog.
    pub views: u64,
    /// Writes to it.
    pub commits: u64,
    /// Changing operations of the disk of fragments.
    pub disk: u64,
}

/// The site.
pub(super) struct Site {
    front: Front,
    pub signer: Signer,
    /// A key for the bucket `village` alone.
    pub scoped: Signer,
    /// A key of another tenant.
    pub other: Signer,
    objects: Objects,
    engine: Arc<SpyEngine>,
    data: Arc<SimDisk>,
}

/// The operating system's time: the signature check asks it too.
struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> units::Timestamp {
        host::SystemClock.now()
    }

    fn elapsed(&self) -> core::time::Duration {
        host::SystemClock.elapsed()
    }
}

/// What a front stands on.
pub(super) struct Store {
    pub objects: Objects,
    pub consensus: consensus::Consensus,
    pub vault: Arc<vault::Vault>,
    pub random: Arc<dyn Random>,
    pub node: NodeId,
    engine: Arc<SpyEngine>,
    data: Arc<SimDisk>,
}

impl Store {
    pub(super) async fn open(clock: &Arc<dyn Clock>) -> Self {
        let random: Arc<dyn Random> = Arc::new(SimRandom::seeded(1));
        let (system, data) = (SimDisk::new(), SimDisk::new());
        let system: Arc<dyn Disk> = system;
        let engine = Arc::new(SpyEngine {
            inner: SimEngine::seeded(1),
            views: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        });
        let (cluster, node) = (ClusterId::draw(&*random), NodeId::draw(&*random));
        let vault = vault::Vault::create(Arc::clone(&system), Arc::clone(&random), None)
            .unwrap_or_else(|error| panic!("{error}"));
        let vault = Arc::new(vault);
        let parts = consensus::Parts::new(
            system,
            Arc::clone(&engine) as Arc<dyn Engine>,
            Arc::clone(clock),
            Arc::clone(&random),
            cluster,
            node,
        );
        let consensus = consensus::Consensus::open(parts).await;
        let consensus = consensus.unwrap_or_else(|error| panic!("{error}"));
        let fragments =
            fragments::FragmentStore::open(cluster, vec![Arc::clone(&data) as _], &*random).await;
        let fragments = fragments.unwrap_or_else(|error| panic!("{error}"));
        let objects = Objects::new(objects::Parts {
            consensus: consensus.clone(),
            fragments: fragments::ClusterStore::alone(fragments),
            vault: Arc::clone(&vault),
            clock: Arc::clone(clock),
            random: Arc::clone(&random),
        });
        Self { objects, consensus, vault, random, node, engine, data }
    }
}

impl Site {
    pub(super) async fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(WallClock);
        let store = Store::open(&clock).await;
        let Store { objects, random, node, engine, data, .. } = store;
        let settings = Settings {
            region: Region::new(REGION),
            base_domain: Some(Domain::new(DOMAIN)),
            website_domain: Some(Domain::new(WEB_DOMAIN)),
            default_ownership: catalog::Ownership::BucketOwnerEnforced,
            default_customer_keys: false,
            rates: access::Rates::default(),
            bounds: Bounds::default(),
            node,
        };
        let [signer, scoped, other] = signers(&objects).await;
        let front = crate::server::front(objects.clone(), clock, &*random, settings);
        let site = Self { front, signer, scoped, other, objects, engine, data };
        for ask in [
            Ask::new(Method::PUT, "/village"),
            Ask::new(Method::PUT, "/village/k").body("one"),
            Ask::new(Method::PUT, "/secrets"),
        ] {
            let answer = site.send(&ask).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        site
    }

    pub(super) fn touched(&self) -> Touched {
        Touched {
            views: self.engine.views.load(Ordering::SeqCst),
            commits: self.engine.commits.load(Ordering::SeqCst),
            disk: self.data.operations(),
        }
    }

    /// Lets clients bring keys of their own to the bucket `village`, or not.
    pub(super) async fn allow_customer_keys(&self, allowed: bool) {
        let bucket = catalog::BucketName::new("village").unwrap_or_else(|error| panic!("{error}"));
        let steward = Authorised::steward("trial");
        let set = self.objects.bucket_customer_keys_set(&steward, &bucket, Some(allowed)).await;
        set.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Signs and sends.
    pub(super) async fn send(&self, ask: &Ask) -> Answer {
        self.send_as(&self.signer, ask).await
    }

    pub(super) async fn send_as(&self, signer: &Signer, ask: &Ask) -> Answer {
        self.send_raw(ask.signed(signer)).await
    }

    pub(super) async fn send_raw(&self, request: Request<Full<Bytes>>) -> Answer {
        self.send_from(ADDRESS, request).await
    }

    /// Sends from an address.
    pub(super) async fn send_from(&self, ip: [u8; 4], request: Request<Full<Bytes>>) -> Answer {
        self.send_over(peer(ip), request).await
    }

    /// Sends over a connection of this peer's.
    pub(super) async fn send_over(&self, peer: Peer, request: Request<Full<Bytes>>) -> Answer {
        Answer::of(self.front.handle(request, peer).await).await
    }

    /// Sends what must succeed.
    pub(super) async fn done(&self, ask: &Ask) -> Answer {
        let answer = self.send(ask).await;
        assert!((200..300).contains(&answer.status), "{ask:?}: {answer:?}");
        answer
    }

    /// Stores a bucket policy of these statements.
    pub(super) async fn policy(&self, bucket: &str, statements: &str) {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let ask = Ask::new(Method::PUT, &format!("/{bucket}")).query("policy", "");
        self.done(&ask.body(policy)).await;
    }

    /// Bounds how many objects a bucket may hold.
    pub(super) async fn quota(&self, bucket: &str, objects: u64) {
        let bucket = catalog::BucketName::new(bucket).unwrap_or_else(|error| panic!("{error}"));
        let quota = Quota { objects: Some(units::ObjectCount::new(objects)), bytes: None };
        let steward = Authorised::steward("trial");
        let set = self.objects.bucket_quota_set(&steward, &bucket, quota).await;
        set.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// A connection from an address, over which nobody has shown a signature yet.
pub(super) fn peer(ip: [u8; 4]) -> Peer {
    let acquaintance = Strangers::new(core::num::NonZeroUsize::MIN).enter(ip.into());
    Peer { address: SocketAddr::from((ip, 4)), secure: false, acquaintance }
}

/// A key of the tenant `village`, one of his for the bucket `village` alone, and one
/// of the tenant `mill`.
async fn signers(objects: &Objects) -> [Signer; 3] {
    let steward = Authorised::steward("trial");
    let mut tenants = Vec::new();
    for name in ["village", "mill"] {
        let email = catalog::EmailAddress::new(format!("contact@{name}.example")).ok();
        let name = TenantName::new(name).unwrap_or_else(|error| panic!("{error}"));
        let tenant = objects.tenant_create_with(&steward, name, Quota::default(), email).await;
        tenants.push(tenant.unwrap_or_else(|error| panic!("{error}")).id);
    }
    let [village, mill] = tenants.try_into().unwrap_or_else(|_| panic!("two tenants were made"));
    let named = catalog::NamedKeyName::new("archives").unwrap_or_else(|error| panic!("{error}"));
    let named = objects.named_key_create(&steward, village, named).await;
    named.unwrap_or_else(|error| panic!("{error}"));
    let bucket = catalog::BucketName::new("village").unwrap_or_else(|error| panic!("{error}"));
    let one = KeyScope { buckets: Some(vec![bucket]), read_only: false };
    let mut signers = Vec::new();
    for (tenant, scope) in
        [(village, KeyScope::default()), (village, one), (mill, KeyScope::default())]
    {
        let key = objects
            .access_key_create(&steward, tenant, None, scope, None)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        signers.push(Signer {
            key: key.key.id.as_str().to_owned(),
            secret: key.secret.to_string(),
            region: REGION.to_owned(),
            service: "s3".to_owned(),
            at: now(0),
        });
    }
    signers.try_into().unwrap_or_else(|_| panic!("three keys were made"))
}

/// The time as signatures write it, so many seconds from now.
pub(super) fn now(shift: i64) -> String {
    const FORMAT: &[time::format_description::FormatItem<'_>] =
        time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let at = host::SystemClock.now().seconds().saturating_add(shift);
    let at =
        time::OffsetDateTime::from_unix_timestamp(at).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    at.format(FORMAT).unwrap_or_default()
}

/// A request to be signed, right in all but what a case changes.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub method: Method,
    pub host: String,
    pub path: String,
    /// The path as it goes over the wire, where it is not the usual encoding.
    pub wire_path: Option<String>,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// In the place of the body's digest.
    pub payload: Option<String>,
}

impl Ask {
    pub(super) fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            host: HOST.to_owned(),
            path: path.to_owned(),
            wire_path: None,
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            payload: None,
        }
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn query(mut self, key: &str, value: &str) -> Self {
        self.query.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    pub(super) fn payload(mut self, payload: &str) -> Self {
        self.payload = Some(payload.to_owned());
        self
    }

    fn uri(&self) -> String {
        let pairs: Vec<String> =
            self.query.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        let path = self.wire_path.clone().unwrap_or_else(|| encode_path(&self.path));
        format!("{path}{mark}{}", pairs.join("&"))
    }

    /// Without any signature.
    pub(super) fn unsigned(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(&self.method).uri(self.uri());
        request = request.header("host", &self.host).header("content-length", self.body.len());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = Full::new(self.body.clone());
        request.body(body).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// With a signature in the `Authorization` header over all headers.
    pub(super) fn signed(&self, signer: &Signer) -> Request<Full<Bytes>> {
        let payload = self.payload.clone().unwrap_or_else(|| sha256(&self.body));
        let mut headers = self.headers.clone();
        headers.push(("host".to_owned(), self.host.clone()));
        headers.push(("x-amz-content-sha256".to_owned(), payload.clone()));
        headers.push(("x-amz-date".to_owned(), signer.at.clone()));
        let signature = signer.signature(&self.method, &self.path, &self.query, &headers, &payload);
        let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
            signer.key,
            signer.scope(),
            names.join(";")
        );
        let complete = self
            .clone()
            .header("x-amz-content-sha256", &payload)
            .header("x-amz-date", &signer.at)
            .header("authorization", &authorization);
        complete.unsigned()
    }

    /// With a signature in the query string.
    pub(super) fn presigned(&self, signer: &Signer, expires: &str) -> Request<Full<Bytes>> {
        let complete = self
            .clone()
            .query("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
            .query("X-Amz-Credential", &format!("{}/{}", signer.key, signer.scope()))
            .query("X-Amz-Date", &signer.at)
            .query("X-Amz-Expires", expires)
            .query("X-Amz-SignedHeaders", "host");
        let headers = [("host".to_owned(), self.host.clone())];
        let signature = signer.signature(
            &self.method,
            &self.path,
            &complete.query,
            &headers,
            "UNSIGNED-PAYLOAD",
        );
        complete.query("X-Amz-Signature", &signature).unsigned()
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub(super) async fn of(response: Response<Body>) -> Self {
        use http_body_util::BodyExt as _;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body.unwrap_or_default()).into_owned(),
        }
    }

    /// The value of a header; empty if there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What the first element of this name holds; empty if there is none.
    pub(super) fn element(&self, name: &str) -> &str {
        let open = self.body.split_once(&format!("<{name}>"));
        let found = open.and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
        found.map_or("", |(value, _)| value)
    }

    /// The code of the error document; empty if there is none.
    pub(super) fn code(&self) -> &str {
        let code = self.body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        code.map_or("", |(code, _)| code)
    }
}
