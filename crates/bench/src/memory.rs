//! Resident memory of a node: idle; with clients that send a byte now and then;
//! with a huge multipart upload in flight beside them.
//!
//! Half of the slow clients sign their chunks: those lie in memory until the last byte
//! of each has come. A few sign chunks so large that room must be asked for, as many
//! as fill it: of several tenants, since each has a part of that room.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use blackbox::{Ask, Client, Cut, Node, SignedChunks, Signer, Start, Target};
use bytes::Bytes;
use clap::Args;
use http::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::server::{resident_bytes, resident_bytes_max};
use crate::{BUCKET, bucket_create};

const PART_BYTES: usize = 64 << 20;
const UPLOADERS: usize = 4;
const SLOW_OBJECT_BYTES: usize = 64 << 20;
const SLOW_WRITE_BYTES: usize = 16 * 1024;
/// What most clients that sign chunks take for one.
const CHUNK_BYTES: usize = 64 * 1024;
/// A chunk that is asked for.
const LARGE_CHUNK_BYTES: usize = 1 << 20;
/// Whose clients the slow ones are: as many tenants as share the room for chunks.
const TENANTS: usize = 4;
/// Clients of each that sign large chunks: the room of one tenant.
const LARGE_PER_TENANT: usize = 4;

/// Resident memory of a node.
#[derive(Args)]
pub struct Memory {
    /// Clients that each upload 64 MiB, 16 KiB a second.
    #[arg(long, default_value_t = 1_000)]
    slow_clients: usize,
    /// How many of them sign each chunk of what they send; half, if not told.
    #[arg(long)]
    signing: Option<usize>,
    /// Size of the multipart upload in flight beside them.
    #[arg(long, default_value_t = 20)]
    upload_gib: u64,
    /// The binary under test; by default the one beside this program.
    #[arg(long)]
    essaim: Option<PathBuf>,
    /// Where it keeps its data; a fresh folder is made inside; by default beside
    /// this program.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Fail if the node holds more than this at any time, in MiB.
    #[arg(long, default_value_t = 250)]
    resident_mib_max: u64,
}

/// How a slow client signs what it sends.
#[derive(Clone, Copy)]
enum Payload {
    Unsigned,
    Chunks(Cut),
}

impl Payload {
    /// Of the client with this number: every other one signs until so many do; half of
    /// those have a checksum behind their last chunk, some of them large chunks.
    fn of(n: usize, signing: usize) -> Self {
        if n.is_multiple_of(2) || n / 2 >= signing {
            return Self::Unsigned;
        }
        let large = n / 2 < TENANTS * LARGE_PER_TENANT;
        Self::Chunks(Cut {
            object_bytes: SLOW_OBJECT_BYTES,
            chunk_bytes: if large { LARGE_CHUNK_BYTES } else { CHUNK_BYTES },
            trailer: (n / 2).is_multiple_of(2),
        })
    }
}

impl Memory {
    /// Runs the loads and prints what the node held.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.essaim.as_deref(), None)?;
        let folder = crate::folder_make(self.folder.as_deref())?;
        let node = Node::start_with(Start {
            folder: Some(folder.path().to_path_buf()),
            binary: self.essaim.clone(),
            ..Start::default()
        })?;
        let target = node.target();
        bucket_create(&target, BUCKET).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        println!("idle: {} MiB", resident_bytes(node.process_id()) >> 20);

        let tenants = tenants(&node).await?;
        let mut slow = JoinSet::new();
        let mut connected = 0;
        let signing = self.signing.unwrap_or(self.slow_clients);
        let is_signed = |n: &usize| matches!(Payload::of(*n, signing), Payload::Chunks(_));
        let (signed, unsigned): (Vec<_>, Vec<_>) = (0..self.slow_clients).partition(is_signed);
        for (kind, clients) in [("send unsigned bodies", unsigned), ("sign their chunks", signed)] {
            connected += clients.len();
            for n in &clients {
                // By pairs, so that each tenant has clients of both kinds.
                let (bucket, target) = tenants.get(n / 2 % TENANTS).context("no such tenant")?;
                slow.spawn(slow_client(
                    target.clone(),
                    format!("/{bucket}/slow-{n}"),
                    Payload::of(*n, signing),
                ));
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            println!(
                "{connected} slow clients connected, of which {} {kind} ({} gave up): {} MiB",
                clients.len(),
                finished(&mut slow),
                resident_bytes(node.process_id()) >> 20
            );
        }
        upload(&target, self.upload_gib).await?;
        let most = resident_bytes_max(node.process_id()) >> 20;
        println!(
            "after an upload of {} GiB beside them ({} gave up): {} MiB now, {most} MiB at the most",
            self.upload_gib,
            finished(&mut slow),
            resident_bytes(node.process_id()) >> 20,
        );
        ensure!(most <= self.resident_mib_max, "more than {} MiB", self.resident_mib_max);
        Ok(())
    }
}

/// Tenants with a bucket each: the first one and some more.
async fn tenants(node: &Node) -> Result<Vec<(String, Target)>> {
    let mut all = vec![(BUCKET.to_owned(), node.target())];
    for n in 1..TENANTS {
        let name = format!("{BUCKET}-{n}");
        node.essaim(&["tenant", "create", &name])?;
        let key = node.essaim_json(&["key", "create", "--tenant", &name])?;
        let field = |field: &str| -> Result<String> {
            let value = key.get(field).and_then(serde_json::Value::as_str);
            Ok(value.with_context(|| format!("a key without {field}"))?.to_owned())
        };
        let target = Target {
            access_key_id: field("access_key_id")?,
            secret_access_key: field("secret_access_key")?,
            ..node.target()
        };
        bucket_create(&target, &name).await?;
        all.push((name, target));
    }
    Ok(all)
}

/// Clients that the server has cut off by now.
fn finished(clients: &mut JoinSet<Result<()>>) -> usize {
    let mut count = 0;
    while clients.try_join_next().is_some() {
        count += 1;
    }
    count
}

/// Begins a large PUT and feeds it slowly until cut off.
async fn slow_client(target: Target, path: String, payload: Payload) -> Result<()> {
    let signer = Signer::new(
        &target.access_key_id,
        &target.secret_access_key,
        &target.region,
        &target.address,
    );
    let mut stream = TcpStream::connect(&target.address).await?;
    let cut = match payload {
        Payload::Unsigned => {
            let (stamp, authorization) = signer.sign("PUT", &path, "");
            let head = format!(
                "PUT {path} HTTP/1.1\r\nhost: {}\r\nx-amz-date: {stamp}\r\n\
                 x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nauthorization: {authorization}\r\n\
                 content-length: {SLOW_OBJECT_BYTES}\r\n\r\n",
                target.address
            );
            stream.write_all(head.as_bytes()).await?;
            let piece = vec![0; SLOW_WRITE_BYTES];
            for _ in 0..SLOW_OBJECT_BYTES / SLOW_WRITE_BYTES {
                slowly(&mut stream, &piece).await?;
            }
            return Ok(());
        }
        Payload::Chunks(cut) => cut,
    };
    let (mut chain, head) = SignedChunks::begin(&signer, &path, cut);
    stream.write_all(head.as_bytes()).await?;
    let data = vec![0; cut.chunk_bytes];
    for _ in 0..cut.object_bytes / cut.chunk_bytes {
        slowly(&mut stream, &chain.chunk(&data)).await?;
    }
    Ok(())
}

/// Sends some of it every second.
async fn slowly(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    for piece in bytes.chunks(SLOW_WRITE_BYTES) {
        stream.write_all(piece).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

async fn upload(target: &Target, gib: u64) -> Result<()> {
    let mut client = Client::connect(target).await?;
    let path = format!("/{BUCKET}/huge");
    let answer = client.call(Ask::new(Method::POST, &path).query("uploads=")).await?;
    let text = answer.text();
    let id = between(&text, "<UploadId>").with_context(|| format!("no upload id in {text}"))?;
    let parts = usize::try_from(gib << 30)? / PART_BYTES;
    let body = Bytes::from(vec![0x5e; PART_BYTES]);
    let mut tags = vec![String::new(); parts];
    let mut uploaders = JoinSet::new();
    for uploader in 0..UPLOADERS {
        let (target, path, id, body) = (target.clone(), path.clone(), id.to_owned(), body.clone());
        uploaders.spawn(async move {
            let mut client = Client::connect(&target).await?;
            let mut mine = Vec::new();
            for part in (uploader..parts).step_by(UPLOADERS) {
                let query = format!("partNumber={}&uploadId={id}", part + 1);
                let ask = Ask::new(Method::PUT, &path).query(query).body(body.clone());
                let answer = client.call(ask).await?;
                ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
                mine.push((part, answer.etag));
            }
            anyhow::Ok(mine)
        });
    }
    while let Some(done) = uploaders.join_next().await {
        for (part, tag) in done?? {
            if let Some(place) = tags.get_mut(part) {
                *place = tag;
            }
        }
    }
    let mut list = String::new();
    for (n, tag) in tags.iter().enumerate() {
        write!(list, "<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", n + 1)?;
    }
    // The first connection was idle meanwhile and may have been closed.
    let mut client = Client::connect(target).await?;
    let ask = Ask::new(Method::POST, &path)
        .query(format!("uploadId={id}"))
        .body(format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>"));
    let answer = client.call(ask).await?;
    let text = answer.text();
    ensure!(answer.status.is_success() && text.contains("<ETag>"), "{}: {text}", answer.status);
    Ok(())
}

fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    text.split(tag).nth(1)?.split('<').next()
}
