//! Bodies that must not become objects: truncated, wrongly signed, of another
//! length or with another checksum than announced; sent to the S3 face of a
//! simulated site as a client's bytes on a socket.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use catalog::KeyScope;
use objects::{AccessKeyMade, ObjectName};
use s3::server::{Region, Server, Settings};
use simulator::{Running, Site, SiteOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use units::{Clock, NodeId, SimRandom};

const REGION: &str = "territory";
const BODY: &[u8] = b"a body that is long enough to be cut into pieces";

/// A site that serves S3 on a socket of its own.
struct Serving {
    running: Running,
    address: std::net::SocketAddr,
    key: AccessKeyMade,
    stop: CancellationToken,
}

impl Serving {
    async fn start() -> Result<Self> {
        let site = Site::new(SiteOptions { seed: 7, disks: 1 });
        let running = site.start().await?;
        let tenant = running.tenant("town").await?;
        running.bucket(&tenant, "bucket", false).await?;
        let steward = access::Authorised::steward("test");
        let scope = KeyScope::default();
        let key = running.objects.access_key_create(&steward, tenant.id, None, scope, None).await?;
        let settings = Settings {
            region: Region::new(REGION),
            base_domain: None,
            website_domain: None,
            default_ownership: catalog::Ownership::default(),
            default_customer_keys: false,
            node: NodeId::from_u128(1),
            rates: access::Rates::default(),
            bounds: s3::server::Bounds::default(),
        };
        let clock: Arc<dyn Clock> = Arc::clone(&site.clock) as Arc<dyn Clock>;
        let objects = running.objects.clone();
        let server = Server::new(objects, clock, &SimRandom::seeded(7), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        tokio::spawn(async move { server.serve(listener, stopping).await });
        Ok(Self { running, address, key, stop })
    }

    /// Sends the bytes, reads the answer to its end; its status and its text.
    async fn send(&self, head: &str, body: &[u8]) -> Result<(u16, String)> {
        let mut socket = TcpStream::connect(self.address).await?;
        socket.write_all(head.as_bytes()).await?;
        // A refused body may be answered before it was read.
        let _ = socket.write_all(body).await;
        // Only a cut connection is closed on our side: a server may take the end of
        // a whole request's connection for a client that no longer wants the answer.
        let announced = head.split("\r\ncontent-length: ").nth(1);
        let announced = announced.and_then(|text| text.split('\r').next());
        if announced != Some(body.len().to_string().as_str()) {
            let _ = socket.shutdown().await;
        }
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).context("no status")?.parse()?;
        Ok((status, answer))
    }

    async fn exists(&self, key: &str) -> Result<bool> {
        Ok(self.running.get(&ObjectName::new("bucket", key)?).await.is_ok())
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// A signed PUT in chunks, built piece by piece so that any can be spoilt.
struct Upload<'s> {
    serving: &'s Serving,
    key: &'static str,
    payload: &'static str,
    trailer: Option<&'static str>,
    decoded_length: usize,
    now: String,
    signature: String,
}

impl<'s> Upload<'s> {
    fn new(serving: &'s Serving, key: &'static str, payload: &'static str) -> Self {
        let clock = host::SystemClock;
        let seconds = clock.now().seconds();
        Self {
            serving,
            key,
            payload,
            trailer: None,
            decoded_length: BODY.len(),
            now: amz_date(seconds),
            signature: String::new(),
        }
    }

    fn day(&self) -> &str {
        &self.now[..8]
    }

    fn scope(&self) -> String {
        format!("{}/{REGION}/s3/aws4_request", self.day())
    }

    fn sign(&self, text: &str) -> String {
        let secret = format!("AWS4{}", self.serving.key.secret.as_str());
        let key = mac(secret.as_bytes(), self.day());
        let key = mac(&mac(&mac(&key, REGION), "s3"), "aws4_request");
        hex(&mac(&key, text))
    }

    /// The request head, with `content_length` bytes to follow.
    fn head(&mut self, content_length: usize) -> String {
        let host = self.serving.address.to_string();
        let length = self.decoded_length.to_string();
        let mut headers = vec![
            ("host", host.as_str()),
            ("x-amz-content-sha256", self.payload),
            ("x-amz-date", self.now.as_str()),
            ("x-amz-decoded-content-length", length.as_str()),
        ];
        headers.extend(self.trailer.map(|trailer| ("x-amz-trailer", trailer)));
        let signed: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let signed = signed.join(";");
        let canonical: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let request =
            format!("PUT\n/bucket/{}\n\n{canonical}\n{signed}\n{}", self.key, self.payload);
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{}\n{}",
            self.now,
            self.scope(),
            sha256(request.as_bytes())
        );
        let signature = self.sign(&text);
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "PUT /bucket/{} HTTP/1.1\r\n{lines}authorization: AWS4-HMAC-SHA256 \
             Credential={}/{},SignedHeaders={signed},Signature={signature}\r\n\
             content-length: {content_length}\r\nconnection: close\r\n\r\n",
            self.key,
            self.serving.key.key.id,
            self.scope(),
        );
        self.signature = signature;
        head
    }

    /// One signed chunk, continuing the chain of signatures.
    fn chunk(&mut self, data: &[u8]) -> Vec<u8> {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}",
            self.now,
            self.scope(),
            self.signature,
            sha256(b""),
            sha256(data)
        );
        self.signature = self.sign(&text);
        let mut chunk = format!("{:x};chunk-signature={}\r\n", data.len(), self.signature);
        chunk.push_str(core::str::from_utf8(data).expect("ASCII"));
        if !data.is_empty() {
            chunk.push_str("\r\n");
        }
        chunk.into_bytes()
    }
}

/// `yyyymmddThhmmssZ`.
fn amz_date(seconds: i64) -> String {
    let date = time::OffsetDateTime::from_unix_timestamp(seconds).expect("a date");
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    date.format(format).expect("a date")
}

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const UNSIGNED: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// The chunks of the body and the empty last one, as lengths of the wire.
fn signed_body(upload: &mut Upload<'_>, spoil: &str) -> Vec<u8> {
    let (first, second) = BODY.split_at(20);
    let mut wire = upload.chunk(first);
    wire.extend(upload.chunk(second));
    let mut last = upload.chunk(b"");
    if spoil == "last signature" {
        let at = last.len() - 3;
        last[at] = if last[at] == b'0' { b'1' } else { b'0' };
    }
    if spoil != "no last chunk" {
        wire.extend(last);
        wire.extend(b"\r\n");
    }
    wire
}

#[tokio::test]
async fn signed_bodies_are_held_to_their_word() -> Result<()> {
    let serving = Serving::start().await?;
    for (key, spoil, stored) in [
        ("whole", "", true),
        ("signature", "last signature", false),
        ("unended", "no last chunk", false),
        ("longer", "length", false),
        ("broken", "connection", false),
    ] {
        let mut upload = Upload::new(&serving, key, SIGNED);
        if spoil == "length" {
            upload.decoded_length += 1;
        }
        // The length of the wire does not depend on the signatures.
        let length = signed_body(&mut upload, spoil).len();
        let head = upload.head(length);
        let mut wire = signed_body(&mut upload, spoil);
        if spoil == "connection" {
            wire.truncate(length / 2);
        }
        let (status, answer) = match serving.send(&head, &wire).await {
            Ok(answered) => answered,
            Err(_) if spoil == "connection" => (400, String::new()),
            Err(error) => return Err(error),
        };
        ensure!((status == 200) == stored, "{spoil}: {answer}");
        ensure!(serving.exists(key).await? == stored, "{spoil}: stored or not");
    }
    serving.stop.cancel();
    Ok(())
}

#[tokio::test]
async fn trailing_checksums_are_checked() -> Result<()> {
    let serving = Serving::start().await?;
    let right = digest::digest(&digest::SHA256, BODY);
    let right = base64::engine::general_purpose::STANDARD.encode(right.as_ref());
    let wrong = base64::engine::general_purpose::STANDARD.encode([0; 32]);
    for (key, trailer, code) in [
        ("right", format!("x-amz-checksum-sha256:{right}\r\n"), None),
        ("wrong", format!("x-amz-checksum-sha256:{wrong}\r\n"), Some("BadDigest")),
        ("absent", String::new(), Some("InvalidRequest")),
    ] {
        let mut upload = Upload::new(&serving, key, UNSIGNED);
        upload.trailer = Some("x-amz-checksum-sha256");
        let mut wire = format!("{:x}\r\n", BODY.len()).into_bytes();
        wire.extend(BODY);
        wire.extend(format!("\r\n0\r\n{trailer}\r\n").into_bytes());
        let head = upload.head(wire.len());
        let (status, answer) = serving.send(&head, &wire).await?;
        match code {
            None => ensure!(status == 200, "{key}: {answer}"),
            Some(code) => ensure!(status == 400 && answer.contains(code), "{key}: {answer}"),
        }
        ensure!(serving.exists(key).await? == code.is_none(), "{key}: stored or not");
    }
    serving.stop.cancel();
    Ok(())
}

#[tokio::test]
async fn digests_in_headers_are_checked() -> Result<()> {
    let serving = Serving::start().await?;
    // The digest of other bytes: the signature is right, the body is not.
    let other = sha256(b"other bytes");
    let payload: &'static str = Box::leak(other.into_boxed_str());
    let mut upload = Upload::new(&serving, "other", payload);
    let head = upload.head(BODY.len());
    let (status, answer) = serving.send(&head, BODY).await?;
    ensure!(status == 400 && answer.contains("XAmzContentSHA256Mismatch"), "{answer}");
    ensure!(!serving.exists("other").await?, "nothing is stored");
    serving.stop.cancel();
    Ok(())
}
