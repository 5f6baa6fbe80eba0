//! A client that takes its time over a multipart object: what it reads stays while it
//! reads, and nobody else waits for it.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::StreamExt;
use objects::{CompleteUpload, CreateUpload, GetObject, ObjectName, PutPart, UploadName, body_of};
use simulator::{Running, Site, SiteOptions, simulator};
use steward::RotationOf;
use units::PartNumber;

const PART_BYTES: usize = 5 * 1024 * 1024;

async fn started() -> Result<(Site, Running, ObjectName, Bytes)> {
    let site = Site::new(SiteOptions { seed: 13, disks: 2 });
    let running = site.start().await?;
    let tenant = running.tenant("mairie").await?;
    let bucket = running.bucket(&tenant, "archives", false).await?;
    let name = ObjectName::new(bucket.as_str(), "film")?;
    let parts: Vec<Bytes> = (1_u8..=3).map(|part| vec![part; PART_BYTES].into()).collect();
    let (objects, leave) = (&running.objects, simulator());
    let created = objects.upload_create(&leave, CreateUpload::plain(name.clone())).await?;
    let upload = UploadName { name: name.clone(), upload: created.upload };
    let mut asks = Vec::new();
    for (number, bytes) in (1_u16..).zip(&parts) {
        let number = PartNumber::new(number);
        let ask = PutPart::plain(upload.clone(), number);
        let done = objects.upload_part_put(&leave, ask, body_of(bytes.clone())).await?;
        asks.push(catalog::PartAsk { number, etag: done.etag, checksum: None });
    }
    objects.upload_complete(&leave, CompleteUpload::plain(upload, asks)).await?;
    Ok((site, running, name, parts.concat().into()))
}

/// The object was overwritten and everything released was cleaned up while a client
/// had read its first bytes: it gets the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_keeps_all_parts_of_what_it_began_to_read() -> Result<()> {
    let (_site, running, name, whole) = started().await?;
    let got = running.objects.object_get(&simulator(), GetObject::whole(name.clone())).await?;
    let mut body = got.body;
    let mut read = body.next().await.context("first bytes")??.to_vec();
    running.put(&name, Bytes::from_static(b"replaced")).await?;
    assert_eq!(running.steward.clean_up_step().await?, 0, "all three are in use");
    while let Some(bytes) = body.next().await {
        read.extend_from_slice(&bytes?);
    }
    assert!(read == whole, "{} bytes of {}", read.len(), whole.len());
    drop(body);
    assert_eq!(running.steward.clean_up_step().await?, 3, "nobody needs them any more");
    Ok(())
}

/// A rotation of every key above ends while the client dawdles, and it reads on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_does_not_wait_for_a_slow_reader() -> Result<()> {
    let (_site, running, name, whole) = started().await?;
    let view = running.consensus.view();
    let bucket = view.bucket(&name.bucket)?.context("the bucket")?;
    let got = running.objects.object_get(&simulator(), GetObject::whole(name.clone())).await?;
    let mut body = got.body;
    let mut read = body.next().await.context("first bytes")??.to_vec();
    let steward = &running.steward;
    for of in [
        RotationOf::Bucket { name: bucket.name, id: bucket.id },
        RotationOf::Tenant { id: bucket.tenant },
        RotationOf::Root,
    ] {
        steward.rotation_start(of).await?;
        let rotate = async {
            while steward.rotation_step().await? {}
            Ok::<(), steward::StewardError>(())
        };
        tokio::time::timeout(Duration::from_mins(1), rotate).await.context("it waits")??;
    }
    while let Some(bytes) = body.next().await {
        read.extend_from_slice(&bytes?);
    }
    assert!(read == whole, "{} bytes of {}", read.len(), whole.len());
    assert_eq!(running.get(&name).await?, whole);
    Ok(())
}
