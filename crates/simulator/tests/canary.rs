//! Nothing in clear on any disk: what was stored and what is secret is searched
//! for in every file and every row.
//!
//! Names (tenants, buckets, object keys), user metadata and tags are rows of the
//! catalog and are in clear there, on disks of sites that vote; disks that only
//! hold fragments have none of them.

use bytes::Bytes;
use catalog::KeyScope;
use objects::{CompleteUpload, CreateUpload, ObjectName, PutObject, PutPart, UploadName, body_of};
use simulator::{Running, Site, SiteOptions, simulator};
use units::PartNumber;

const CANARY: &[u8] = b"the-mayor-keeps-a-yellow-canary-named-Hector";
const NAME_CANARY: &str = "deliberation-0042-canary-key";

/// A body of canaries, end to end.
fn flock(length: usize) -> Bytes {
    CANARY.iter().copied().cycle().take(length).collect::<Vec<u8>>().into()
}

async fn store(running: &Running) -> anyhow::Result<String> {
    let tenant = running.tenant("commune").await?;
    let bucket = running.bucket(&tenant, "actes", false).await?;
    for (number, length) in [100, 8_192, 8_193, 300_000, 5_000_000].into_iter().enumerate() {
        let name = ObjectName::new(bucket.as_str(), &format!("{NAME_CANARY}-{number}"))?;
        let body = flock(length);
        let put = PutObject::plain(name.clone());
        running.objects.object_put(&simulator(), put, body_of(body.clone())).await?;
        anyhow::ensure!(running.get(&name).await? == body, "object {number} reads back");
    }
    let name = ObjectName::new(bucket.as_str(), "multipart")?;
    let upload =
        running.objects.upload_create(&simulator(), CreateUpload::plain(name.clone())).await?;
    let upload = UploadName { name, upload: upload.upload };
    let part = PutPart::plain(upload.clone(), PartNumber::new(1));
    let done = running.objects.upload_part_put(&simulator(), part, body_of(flock(99_999))).await?;
    let number = PartNumber::new(1);
    let parts = vec![catalog::PartAsk { number, etag: done.etag, checksum: None }];
    running.objects.upload_complete(&simulator(), CompleteUpload::plain(upload, parts)).await?;
    let scope = KeyScope::default();
    let made =
        running.objects.access_key_create(&simulator(), tenant.id, None, scope, None).await?;
    let found = running.objects.credential(&made.key.id).await?;
    anyhow::ensure!(found.is_some_and(|found| **found.secret == *made.secret), "the secret opens");
    Ok(made.secret.to_string())
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_sings_on_any_disk() -> anyhow::Result<()> {
    let site = Site::new(SiteOptions { seed: 15, disks: 3 });
    let running = site.start().await?;
    let secret = store(&running).await?;
    running.stop().await;
    let files = site.files()?;
    assert!(files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 5_000_000);
    for (path, bytes) in &files {
        // Sixteen bytes of a canary in a row are no accident.
        assert!(!holds(bytes, &CANARY[..16]), "plaintext in {path}");
        assert!(!holds(bytes, secret.as_bytes()), "a secret in {path}");
    }
    for disk in &site.data {
        for (path, length) in disk.files() {
            let mut bytes = vec![0; usize::try_from(length.get())?];
            disk::Disk::open(&**disk, &path)?.read_exact_at(&mut bytes, 0)?;
            assert!(!holds(&bytes, NAME_CANARY.as_bytes()), "an object key in {path}");
        }
    }
    Ok(())
}
