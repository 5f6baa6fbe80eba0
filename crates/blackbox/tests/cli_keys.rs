//! The life of keys: rotated while clients read and write, and destroyed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Node, Start, Target, binary};
use http::{Method, StatusCode};
use tokio::task::JoinSet;

const BUCKET: &str = "letters";
/// Objects in fragments, and as many in rows of the catalog.
const OBJECTS: u64 = 40;
const LARGE_BYTES: usize = 300 * 1024;
const SMALL_BYTES: usize = 2 * 1024;
const PARTS: u64 = 2;
const PART_BYTES: usize = 5 << 20;

/// Ample for a machine that is busy; it takes two seconds.
const CLEARED_WITHIN: Duration = Duration::from_mins(1);

/// The mark that ends the last commit once a segment has come to rest.
const SETTLING_BYTES_MAX: usize = 4 * 1024;

fn large(n: u64) -> Vec<u8> {
    vec![u8::try_from(n % 251).unwrap_or(0); LARGE_BYTES]
}

fn small(n: u64) -> Vec<u8> {
    vec![u8::try_from(n % 241).unwrap_or(0); SMALL_BYTES]
}

async fn call(client: &mut Client, ask: Ask) -> Result<Vec<u8>> {
    let told = format!("{} {}?{}", ask.method, ask.path, ask.query);
    let answer = client.call(ask).await?;
    ensure!(answer.status.is_success(), "{told}: {} {}", answer.status, answer.text());
    Ok(answer.body)
}

fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    text.split(tag).nth(1)?.split('<').next()
}

/// Large and small objects, one of several parts, one copy, one unfinished upload.
async fn fill(target: &Target) -> Result<()> {
    let mut client = Client::connect(target).await?;
    call(&mut client, Ask::new(Method::PUT, format!("/{BUCKET}"))).await?;
    for n in 0..OBJECTS {
        let put =
            |name: &str, body| Ask::new(Method::PUT, format!("/{BUCKET}/{name}/{n}")).body(body);
        call(&mut client, put("large", large(n))).await?;
        call(&mut client, put("small", small(n))).await?;
    }
    for name in ["parts", "unfinished"] {
        let path = format!("/{BUCKET}/{name}");
        let begun = call(&mut client, Ask::new(Method::POST, &path).query("uploads=")).await?;
        let begun = String::from_utf8_lossy(&begun).into_owned();
        let id = between(&begun, "<UploadId>").context("no upload id")?.to_owned();
        let mut list = String::new();
        for part in 1..=PARTS {
            let query = format!("partNumber={part}&uploadId={id}");
            let ask = Ask::new(Method::PUT, &path).query(query).body(vec![9_u8; PART_BYTES]);
            let tag = client.call(ask).await?.etag;
            write!(list, "<Part><PartNumber>{part}</PartNumber><ETag>{tag}</ETag></Part>")?;
        }
        if name == "parts" {
            let ask = Ask::new(Method::POST, &path)
                .query(format!("uploadId={id}"))
                .body(format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>"));
            call(&mut client, ask).await?;
        }
    }
    Ok(())
}

/// Reads everything back.
async fn verify(target: &Target) -> Result<()> {
    let mut client = Client::connect(target).await?;
    for n in 0..OBJECTS {
        for (name, wanted) in [("large", large(n)), ("small", small(n))] {
            let path = format!("/{BUCKET}/{name}/{n}");
            let found = call(&mut client, Ask::new(Method::GET, &path)).await?;
            ensure!(found == wanted, "{path} is another");
        }
    }
    let whole = call(&mut client, Ask::new(Method::GET, format!("/{BUCKET}/parts"))).await?;
    ensure!(
        whole == vec![9; usize::try_from(PARTS)? * PART_BYTES],
        "the object of several parts is another"
    );
    Ok(())
}

/// Every file of fragments with its bytes.
fn fragments(data: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![data.join("disk")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// How many bytes that were there are others now, and how many came into room that
/// was empty.
fn changed(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<(usize, usize)> {
    ensure!(before.keys().eq(after.keys()), "files of fragments came or went");
    let (mut rewritten, mut added) = (0, 0);
    for (path, old) in before {
        let new = after.get(path).context("a file is gone")?;
        ensure!(new.len() >= old.len(), "{} has shrunk", path.display());
        let differ = old.iter().zip(new).filter(|(old, new)| old != new);
        let (empty, written): (Vec<_>, Vec<_>) = differ.partition(|(old, _)| **old == 0);
        rewritten += written.len();
        added += empty.len() + new.iter().skip(old.len()).filter(|byte| **byte != 0).count();
    }
    Ok((rewritten, added))
}

/// Clients that read everything again and again, and write small objects, until
/// told to stop. What goes wrong is returned.
fn load(target: &Target, stop: &Arc<AtomicBool>, done: &Arc<AtomicU64>) -> JoinSet<Result<()>> {
    let mut workers = JoinSet::new();
    for worker in 0..4_u64 {
        let (target, stop, done) = (target.clone(), Arc::clone(stop), Arc::clone(done));
        workers.spawn(async move {
            let mut client = Client::connect(&target).await?;
            for turn in worker.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let n = turn % OBJECTS;
                let found =
                    call(&mut client, Ask::new(Method::GET, format!("/{BUCKET}/large/{n}")))
                        .await?;
                ensure!(found == large(n), "large/{n} is another");
                let path = format!("/{BUCKET}/small/{n}");
                call(&mut client, Ask::new(Method::PUT, &path).body(small(n))).await?;
                ensure!(
                    call(&mut client, Ask::new(Method::GET, &path)).await? == small(n),
                    "{path}"
                );
                done.fetch_add(3, Ordering::SeqCst);
            }
            Ok(())
        });
    }
    workers
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_under_load_and_no_data_is_written() -> Result<()> {
    let mut node = Node::start()?;
    let target = node.target();
    fill(&target).await?;
    let before = fragments(&node.data())?;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut workers = load(&target, &stop, &done);
    let mut rewrapped = 0;
    let tenant = node.tenant().to_owned();
    for round in 0..2 {
        for words in [
            &["bucket", "rotate-key", BUCKET][..],
            &["tenant", "rotate-key", &tenant],
            &["root-key", "rotate"],
        ] {
            // The node's own commands block: off the runtime that carries the load.
            let ended = tokio::task::block_in_place(|| node.essaim_json(words))?;
            ensure!(ended["state"] == "done", "round {round}: {ended}");
            let count = ended["rewrapped"].as_u64().unwrap_or(0);
            // Four parts, the large and the small objects; the bucket's key and the
            // secret; the tenant.
            let least = match words {
                ["bucket", ..] => OBJECTS + 2 * PARTS,
                ["tenant", ..] => 2,
                _ => 1,
            };
            ensure!(count >= least, "round {round}, {words:?}: {ended}");
            rewrapped += count;
        }
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let operations = done.load(Ordering::SeqCst);
    ensure!(operations > 0, "there was no load");
    let after = fragments(&node.data())?;
    let (rewritten, added) = changed(&before, &after)?;
    ensure!(rewritten == 0, "{rewritten} bytes of fragments are others");
    ensure!(added <= SETTLING_BYTES_MAX, "{added} bytes of fragments were written");
    verify(&target).await?;

    // All of it holds after a kill: the old keys are gone, the new ones are durable.
    node.kill()?;
    let folder = Some(node.folder().to_owned());
    let again = Node::start_with(Start { folder, ..Start::default() })?;
    verify(&again.target()).await?;
    println!(
        "6 rotations under {operations} requests: {rewrapped} keys wrapped anew, \
         bytes of fragments rewritten {rewritten}, added {added}, unreadable 0"
    );
    Ok(())
}

/// How many of the objects can be read.
async fn readable(target: &Target) -> Result<u64> {
    let mut client = Client::connect(target).await?;
    let mut count = 0;
    for n in 0..OBJECTS {
        for name in ["large", "small"] {
            let answer =
                client.call(Ask::new(Method::GET, format!("/{BUCKET}/{name}/{n}"))).await?;
            count += u64::from(answer.status == StatusCode::OK);
        }
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shredded_tenant_is_gone_from_an_older_backup_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let start = Start { folder: Some(folder.path().to_owned()), ..Start::default() };
    let mut node = Node::start_with(start.clone())?;
    node.essaim(&["tenant", "create", "gone"])?;
    let key = node.essaim_json(&["key", "create", "--tenant", "gone"])?;
    let field = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
    let of = |node: &Node| Target {
        access_key_id: field("access_key_id"),
        secret_access_key: field("secret_access_key"),
        ..node.target()
    };
    fill(&of(&node)).await?;
    ensure!(readable(&of(&node)).await? == 2 * OBJECTS, "before");
    let backup = folder.path().join("before.backup").display().to_string();
    node.essaim(&["backup", "catalog", &backup])?;

    ensure!(node.essaim(&["tenant", "shred", "gone"]).is_err(), "without a word");
    let words = ["tenant", "shred", "gone", "--yes-destroy-everything"];
    let shown = node.essaim_json(&words)?;
    ensure!(shown["state"] == "erased", "{shown}");
    ensure!(readable(&of(&node)).await? == 0, "after the key was destroyed");
    let new_key = node.essaim(&["key", "create", "--tenant", "gone"]);
    let said = new_key.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(said.contains("the tenant is erased"), "{said}");
    ensure!(node.essaim(&["tenant", "rotate-key", "gone"]).is_err(), "nothing to rotate");

    node.stop()?;
    let mut node = Node::start_with(start.clone())?;
    ensure!(readable(&of(&node)).await? == 0, "after a restart");
    node.stop()?;

    // The catalog of before, with its row of the tenant's key, and today's root key.
    for rotated in [false, true] {
        let mut node = Node::start_with(start.clone())?;
        if rotated {
            // The list of destroyed keys goes with the root key, so the catalog comes first.
            let held = node.essaim(&["root-key", "rotate"]);
            let told = held.err().map(|error| error.to_string()).unwrap_or_default();
            ensure!(told.contains("essaim confirm restore first"), "{told}");
            let asked = node.essaim(&["confirm", "restore"]);
            let told = asked.err().map(|error| error.to_string()).unwrap_or_default();
            ensure!(told.contains("--yes"), "nobody was asked: {told}");
            node.essaim(&["confirm", "restore", "--yes"])?;
            node.essaim(&["root-key", "rotate"])?;
        }
        node.stop()?;
        fs::remove_dir_all(node.data().join("catalog"))?;
        let data = node.data();
        let output =
            Command::new(binary()?).args(["restore", &backup, "--data"]).arg(&data).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if rotated {
            // Nothing of that backup opens any more, of no tenant.
            ensure!(!output.status.success() && said.contains("is not the one"), "{said}");
            continue;
        }
        ensure!(output.status.success(), "{said}");
        let mut node = Node::start_with(start.clone())?;
        ensure!(readable(&of(&node)).await? == 0, "from a backup");
        node.stop()?;
    }
    println!(
        "readable after shred 0 of {}, after a restore 0, after a root rotation none is restored",
        2 * OBJECTS
    );
    Ok(())
}

/// What a shredded tenant left goes by itself, its buckets too, and then its name; the
/// others keep what they have.
#[tokio::test(flavor = "multi_thread")]
async fn a_shredded_tenant_is_cleared_away_and_can_be_deleted() -> Result<()> {
    // Lifecycle, and clearing with it, is looked at once a second.
    let arguments = vec!["--lifecycle-day-seconds".into(), "4".into()];
    let mut node = Node::start_with(Start { arguments, ..Start::default() })?;
    fill(&node.target()).await?;
    node.essaim(&["tenant", "create", "gone"])?;
    let key = node.essaim_json(&["key", "create", "--tenant", "gone"])?;
    let field = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
    let target = Target {
        access_key_id: field("access_key_id"),
        secret_access_key: field("secret_access_key"),
        ..node.target()
    };
    let mut client = Client::connect(&target).await?;
    call(&mut client, Ask::new(Method::PUT, "/papers")).await?;
    let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let ask = Ask::new(Method::PUT, "/papers").query("versioning=").body(versioned);
    call(&mut client, ask).await?;
    for n in 0..3 {
        call(&mut client, Ask::new(Method::PUT, "/papers/large").body(large(n))).await?;
        call(&mut client, Ask::new(Method::PUT, "/papers/small").body(small(n))).await?;
    }
    call(&mut client, Ask::new(Method::DELETE, "/papers/small")).await?;
    call(&mut client, Ask::new(Method::POST, "/papers/upload").query("uploads=")).await?;
    let show = ["tenant", "show", "gone"];
    ensure!(node.essaim_json(&show)?["objects"] == 6, "before");

    let said = node.essaim(&["tenant", "shred", "gone", "--yes-destroy-everything"])?;
    ensure!(said.contains("cleared away by itself"), "{said}");
    let begun = Instant::now();
    while node.essaim_json(&show)?["buckets"] != 0 {
        ensure!(begun.elapsed() < CLEARED_WITHIN, "{}", node.essaim(&show)?);
        std::thread::sleep(Duration::from_millis(100));
    }
    let left = node.essaim_json(&show)?;
    ensure!(left["objects"] == 0 && left["bytes"] == 0, "{left}");
    let said = node.essaim(&show)?;
    ensure!(said.contains("nothing: essaim tenant delete gone"), "{said}");
    let said = node.essaim(&["tenant", "delete", "gone"])?;
    ensure!(said.contains("tenant gone is gone"), "{said}");
    ensure!(node.essaim(&show).is_err(), "its name is free");
    verify(&node.target()).await?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_passphrase_is_set_changed_and_taken_away() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let (one, two) = (file("one", "first words\n")?, file("two", "other words")?);
    let start = |passphrase: Option<&String>| {
        let arguments: Vec<std::ffi::OsString> = passphrase
            .map(|file| vec!["--passphrase-file".into(), file.into()])
            .unwrap_or_default();
        let folder = Some(folder.path().to_owned());
        Node::start_with(Start { folder, arguments, ..Start::default() })
    };
    let mut node = start(None)?;
    ensure!(node.essaim(&["root-key", "passphrase"]).is_err(), "neither set nor taken away");
    node.essaim(&["root-key", "passphrase", "--file", &one])?;
    node.stop()?;
    ensure!(start(None).is_err() && start(Some(&two)).is_err(), "without it, or with another");
    let mut node = start(Some(&one))?;
    node.essaim(&["root-key", "passphrase", "--file", &two])?;
    node.stop()?;
    ensure!(start(Some(&one)).is_err(), "with the old one");
    let mut node = start(Some(&two))?;
    node.essaim(&["root-key", "passphrase", "--remove"])?;
    node.stop()?;
    let mut node = start(None)?;
    node.stop()?;
    Ok(())
}

/// A lock that erasure does not get round is named with its bucket.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_keeps_a_tenant_from_being_shredded_is_named() -> Result<()> {
    let node = Node::start()?;
    let tenant = node.tenant().to_owned();
    let mut client = Client::connect(&node.target()).await?;
    for bucket in ["/plain", "/empty-lock", "/minutes"] {
        let ask = Ask::new(Method::PUT, bucket);
        let locked = bucket != "/plain";
        let lock = |ask: Ask| ask.header("x-amz-bucket-object-lock-enabled", "true");
        call(&mut client, if locked { lock(ask) } else { ask }).await?;
    }
    call(&mut client, Ask::new(Method::PUT, "/plain/a").body(small(1))).await?;
    call(&mut client, Ask::new(Method::PUT, "/minutes/a").body(small(1))).await?;
    let refused = node.essaim(&["tenant", "shred", &tenant, "--yes-destroy-everything"]);
    let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(said.contains("in: minutes\n") && said.contains("nothing was destroyed"), "{said}");
    call(&mut client, Ask::new(Method::GET, "/plain/a")).await?;
    Ok(())
}
