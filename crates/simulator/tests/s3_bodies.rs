//! Bodies that must not become objects: truncated, wrongly signed, of another
//! length or with another checksum than announced; sent to the S3 face of a
//! simulated site as a client's bytes on a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use catalog::KeyScope;
use objects::{AccessKeyMade, ObjectName};
use s3::server::{Region, Server, Settings};
use simulator::{Running, Site, SiteOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use units::{Clock, NodeId, SimRandom};

const REGION: &str = "territory";
const BODY: &[u8] = b"a body that is long enough to be cut into pieces";

/// A site that serves S3 on a socket of its own.
struct Serving {
    running: Running,
    address: std::net::SocketAddr,
    key: AccessKeyMade,
    /// The key of another tenant, whose bucket is `other`.
    other: AccessKeyMade,
    stop: CancellationToken,
}

impl Serving {
    async fn start() -> Result<Self> {
        let site = Site::new(SiteOptions { seed: 7, disks: 1 });
        let running = site.start().await?;
        let mut keys = Vec::new();
        for (tenant, bucket) in [("town", "bucket"), ("mill", "other")] {
            let tenant = running.tenant(tenant).await?;
            running.bucket(&tenant, bucket, false).await?;
            let steward = access::Authorised::steward("test");
            let scope = KeyScope::default();
            let objects = &running.objects;
            keys.push(objects.access_key_create(&steward, tenant.id, None, scope, None).await?);
        }
        let (Some(other), Some(key)) = (keys.pop(), keys.pop()) else { bail!("two keys") };
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
        Ok(Self { running, address, key, other, stop })
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
    signer: &'s AccessKeyMade,
    path: String,
    query: &'static str,
    payload: &'static str,
    trailer: Option<&'static str>,
    decoded_length: usize,
    now: String,
    signature: String,
}

impl<'s> Upload<'s> {
    fn new(serving: &'s Serving, key: &str, payload: &'static str) -> Self {
        let clock = host::SystemClock;
        let seconds = clock.now().seconds();
        Self {
            serving,
            signer: &serving.key,
            path: format!("/bucket/{key}"),
            query: "",
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
        let secret = format!("AWS4{}", self.signer.secret.as_str());
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
        let query = if self.query.is_empty() { String::new() } else { format!("{}=", self.query) };
        let request =
            format!("PUT\n{}\n{query}\n{canonical}\n{signed}\n{}", self.path, self.payload);
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
            "PUT {}?{} HTTP/1.1\r\n{lines}authorization: AWS4-HMAC-SHA256 \
             Credential={}/{},SignedHeaders={signed},Signature={signature}\r\n\
             content-length: {content_length}\r\nconnection: close\r\n\r\n",
            self.path,
            self.query,
            self.signer.key.id,
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

#[tokio::test]
async fn bodies_that_nobody_signed_are_whole_or_nothing() -> Result<()> {
    let serving = Serving::start().await?;
    let head = Upload::new(&serving, "whole", "UNSIGNED-PAYLOAD").head(BODY.len());
    let (status, answer) = serving.send(&head, BODY).await?;
    ensure!(status == 200 && serving.exists("whole").await?, "{answer}");
    for sent in [0, 1, BODY.len() / 2, BODY.len() - 1] {
        let head = Upload::new(&serving, "cut", "UNSIGNED-PAYLOAD").head(BODY.len());
        // The server may close without an answer: nobody is there to read it.
        let status = serving.send(&head, &BODY[..sent]).await.map_or(0, |(status, _)| status);
        ensure!(status != 200, "{sent} bytes are taken for the whole");
        ensure!(!serving.exists("cut").await?, "stored after {sent} bytes");
    }
    serving.stop.cancel();
    Ok(())
}

#[tokio::test]
async fn chunks_that_nobody_signed_are_whole_or_nothing() -> Result<()> {
    let serving = Serving::start().await?;
    let upload = |key| {
        let mut upload = Upload::new(&serving, key, UNSIGNED);
        upload.trailer = Some("x-amz-checksum-sha256");
        upload
    };
    let checksum = digest::digest(&digest::SHA256, BODY);
    let checksum = base64::engine::general_purpose::STANDARD.encode(checksum.as_ref());
    let mut wire = format!("{:x}\r\n", BODY.len()).into_bytes();
    wire.extend(BODY);
    let data = wire.len();
    wire.extend(b"\r\n0\r\n");
    let chunks = wire.len();
    wire.extend(format!("x-amz-checksum-sha256:{checksum}\r\n\r\n").into_bytes());
    let (status, answer) = serving.send(&upload("whole").head(wire.len()), &wire).await?;
    ensure!(status == 200 && serving.exists("whole").await?, "{answer}");
    // Up to the line of the last chunk, the framing alone tells that more should come:
    // to HTTP each of these bodies is as long as it says.
    let cuts = [0, 1, data / 2, data - 1, data, data + 1, data + 2, data + 3, chunks - 1];
    for sent in cuts {
        let (status, answer) = serving.send(&upload("cut").head(sent), &wire[..sent]).await?;
        let refused = status == 400 && answer.contains("<Code>IncompleteBody</Code>");
        ensure!(refused, "{sent} of {chunks} bytes: {answer}");
        ensure!(!serving.exists("cut").await?, "stored after {sent} bytes");
    }
    // And a connection that ends where the body says that it does not.
    for sent in cuts.into_iter().chain([chunks, wire.len() - 1]) {
        let head = upload("cut").head(wire.len());
        let status = serving.send(&head, &wire[..sent]).await.map_or(0, |(status, _)| status);
        ensure!(status != 200, "{sent} bytes are taken for the whole");
        ensure!(!serving.exists("cut").await?, "stored after {sent} bytes");
    }
    serving.stop.cancel();
    Ok(())
}

const MIB: usize = 1024 * 1024;

/// Bytes of this process, in memory.
fn resident() -> Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).context("no resident pages")?;
    Ok(pages.parse::<usize>()? * 4_096)
}

/// Opens connections that send a chunk or a document of 4 MiB up to its last byte.
async fn hold_on(serving: &Serving, count: usize) -> Result<(JoinSet<()>, Arc<AtomicUsize>)> {
    let sent = Arc::new(AtomicUsize::new(0));
    let mut all = JoinSet::new();
    let text: Arc<Vec<u8>> = Arc::new(vec![b'x'; 4 * MIB]);
    for number in 0..count {
        let payload = if number % 2 == 0 { SIGNED } else { "UNSIGNED-PAYLOAD" };
        let mut upload = Upload::new(serving, &format!("held-{number}"), payload);
        upload.decoded_length = 4 * MIB;
        let mut line = String::new();
        if payload == SIGNED {
            line = format!("{:x};chunk-signature={}\r\n", 4 * MIB, "0".repeat(64));
        } else {
            upload.query = "tagging";
        }
        let head = upload.head(line.len() + 4 * MIB) + &line;
        let mut socket = TcpStream::connect(serving.address).await?;
        let (sent, text) = (Arc::clone(&sent), Arc::clone(&text));
        all.spawn(async move {
            let _ = socket.write_all(head.as_bytes()).await;
            for piece in text[1..].chunks(16 * 1024) {
                if socket.write_all(piece).await.is_err() {
                    break;
                }
                sent.fetch_add(piece.len(), Ordering::Relaxed);
            }
            core::future::pending::<()>().await;
        });
    }
    // As far as they get.
    let mut before = (usize::MAX, 0);
    while before.1 < 10 {
        tokio::time::sleep(core::time::Duration::from_millis(50)).await;
        let now = sent.load(Ordering::Relaxed);
        before = if now == before.0 { (now, before.1 + 1) } else { (now, 0) };
    }
    Ok((all, sent))
}

/// One upload of a signed chunk of 4 MiB; its status.
async fn large(serving: &Serving, signer: &AccessKeyMade, path: &str) -> Result<u16> {
    let mut upload = Upload::new(serving, "", SIGNED);
    (upload.signer, upload.path) = (signer, path.to_owned());
    upload.decoded_length = 4 * MIB;
    let data = vec![b'y'; 4 * MIB];
    let wire = |upload: &mut Upload<'_>| {
        let mut wire = upload.chunk(&data);
        wire.extend(upload.chunk(b""));
        wire.extend(b"\r\n");
        wire
    };
    let length = wire(&mut upload).len();
    let head = upload.head(length);
    Ok(serving.send(&head, &wire(&mut upload)).await?.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_do_not_send_to_its_end_stays_small() -> Result<()> {
    let serving = Serving::start().await?;
    ensure!(large(&serving, &serving.key, "/bucket/before").await? == 200, "alone");
    let before = resident()?;
    let (mut clients, sent) = hold_on(&serving, 200).await?;
    let grown = resident()?.saturating_sub(before);
    // 200 x 4 MiB were to come. A chunk or document is kept, and of the others what
    // lies at their connections.
    ensure!(grown < 64 * MIB, "{} MiB more for {} sent", grown / MIB, sent.load(Ordering::Relaxed));
    ensure!(large(&serving, &serving.other, "/other/k").await? == 200, "another tenant is served");
    clients.abort_all();
    while clients.join_next().await.is_some() {}
    ensure!(large(&serving, &serving.key, "/bucket/after").await? == 200, "when they have gone");
    serving.stop.cancel();
    Ok(())
}
