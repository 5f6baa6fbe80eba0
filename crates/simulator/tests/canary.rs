//! Nothing in clear on any disk: what was stored and what is secret, keys of every
//! rank among it, is searched for in every file and every row.
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

/// Base64 as keys are written by hand, without padding.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a key stands in clear: its bytes, or as text; half of it is enough.
fn files_with(files: &[(String, Vec<u8>)], key: &[u8; 32]) -> Vec<String> {
    let (first, last) = key.split_at(16);
    let texts = [hex(first), base64(&first[..15])];
    let needles = [first, last, texts[0].as_bytes(), texts[1].as_bytes()];
    let found = files.iter().filter(|(_, bytes)| needles.iter().any(|one| holds(bytes, one)));
    found.map(|(path, _)| path.clone()).collect()
}

/// The search would find a key, whole or half, in whatever way it was written.
#[test]
fn a_planted_key_is_found() {
    let key: [u8; 32] = core::array::from_fn(|at| 200 - 7 * u8::try_from(at).unwrap_or(0) % 199);
    let (first, last) = key.split_at(16);
    let ways =
        [&key[..], first, last, hex(&key).as_bytes(), base64(&key).as_bytes()].map(<[u8]>::to_vec);
    for way in ways {
        let mut bytes = vec![7; 1_003];
        bytes.splice(501..501, way);
        let files = [("clean".to_owned(), vec![7; 1_003]), ("planted".to_owned(), bytes)];
        assert_eq!(files_with(&files, &key), ["planted"]);
    }
}

/// Keys of the root, of a tenant, of a bucket, and one for each part.
const KEYS_MIN: usize = 3 + 6;

/// Stores everything on a new site; its files and the keys drawn meanwhile.
async fn stored(passphrase: Option<&str>) -> anyhow::Result<(Vec<(String, Vec<u8>)>, Keys)> {
    let mut site = Site::new(SiteOptions { seed: 16, disks: 3 });
    site.passphrase = passphrase.map(vault::Passphrase::new);
    let running = site.start().await?;
    store(&running).await?;
    running.consensus.checkpoint().await?;
    running.stop().await;
    let keys = site.keys_drawn();
    anyhow::ensure!(keys.len() >= KEYS_MIN, "{} keys were drawn", keys.len());
    Ok((site.files()?, keys))
}

type Keys = Vec<[u8; 32]>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_stands_in_clear_behind_a_passphrase() -> anyhow::Result<()> {
    let passphrase = "the bells of Sainte-Enimie ring at noon";
    let (files, keys) = stored(Some(passphrase)).await?;
    for (number, key) in keys.iter().enumerate() {
        let found = files_with(&files, key);
        assert!(found.is_empty(), "key {number} of {} in {found:?}", keys.len());
    }
    for (path, bytes) in &files {
        assert!(!holds(bytes, &passphrase.as_bytes()[..16]), "the passphrase in {path}");
    }
    Ok(())
}

/// Without a passphrase the root key stands in its file, and nowhere else; nothing
/// but it does. Also shows that the search would find a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_passphrase_only_the_root_key_stands_in_clear() -> anyhow::Result<()> {
    let (files, keys) = stored(None).await?;
    for (number, key) in keys.iter().enumerate() {
        let expected: &[&str] = if number == 0 { &["root.key"] } else { &[] };
        assert_eq!(files_with(&files, key), expected, "key {number} of {}", keys.len());
    }
    println!("{} keys searched in {} files and rows", keys.len(), files.len());
    Ok(())
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
