//! Resident memory of a node: idle; with clients that send a byte now and then;
//! with a huge multipart upload in flight beside them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use blackbox::{Ask, Client, Node, Signer, Start, Target};
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

/// Resident memory of a node.
#[derive(Args)]
pub struct Memory {
    /// Clients that each upload 64 MiB, 16 KiB a second.
    #[arg(long, default_value_t = 1_000)]
    slow_clients: usize,
    /// Size of the multipart upload in flight beside them.
    #[arg(long, default_value_t = 20)]
    upload_gib: u64,
    /// The binary under test.
    #[arg(long, default_value = "target/release/essaim")]
    essaim: PathBuf,
    /// Where it keeps its data; a fresh folder is made inside.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
}

impl Memory {
    /// Runs the loads and prints what the node held.
    pub async fn run(self) -> Result<()> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&self.folder)?;
        let node = Node::start_with(Start {
            folder: Some(folder.path().to_path_buf()),
            binary: Some(self.essaim.clone()),
            ..Start::default()
        })?;
        let target = node.target();
        bucket_create(&target, BUCKET).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        println!("idle: {} MiB", resident_bytes(node.process_id()) >> 20);

        let mut slow = JoinSet::new();
        for n in 0..self.slow_clients {
            slow.spawn(slow_client(target.clone(), n));
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        println!(
            "{} slow clients connected ({} gave up): {} MiB",
            self.slow_clients,
            finished(&mut slow),
            resident_bytes(node.process_id()) >> 20
        );
        upload(&target, self.upload_gib).await?;
        println!(
            "after an upload of {} GiB beside them ({} gave up): {} MiB now, {} MiB at the most",
            self.upload_gib,
            finished(&mut slow),
            resident_bytes(node.process_id()) >> 20,
            resident_bytes_max(node.process_id()) >> 20,
        );
        Ok(())
    }
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
async fn slow_client(target: Target, n: usize) -> Result<()> {
    let signer = Signer::new(
        &target.access_key_id,
        &target.secret_access_key,
        &target.region,
        &target.address,
    );
    let path = format!("/{BUCKET}/slow-{n}");
    let (stamp, authorization) = signer.sign("PUT", &path, "");
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: {}\r\nx-amz-date: {stamp}\r\n\
         x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nauthorization: {authorization}\r\n\
         content-length: {SLOW_OBJECT_BYTES}\r\n\r\n",
        target.address
    );
    let mut stream = TcpStream::connect(&target.address).await?;
    stream.write_all(head.as_bytes()).await?;
    let piece = vec![0; SLOW_WRITE_BYTES];
    for _ in 0..SLOW_OBJECT_BYTES / SLOW_WRITE_BYTES {
        stream.write_all(&piece).await?;
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
