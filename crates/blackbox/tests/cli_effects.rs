//! What the command line sets, seen by who asks through S3: keys that only read or
//! that expire, quotas, leave to bring keys of one's own, named keys; and buckets by host.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::{Ask, Client, Node, Start, Target};
use http::Method;

/// How long after its time a key may still open something: the check is by the second.
const EXPIRED_AFTER_MAX: Duration = Duration::from_secs(15);

/// A key of a client's own, 32 times the byte 7, and its digest.
const OWN_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const OWN_KEY_MD5: &str = "y4HAEFCYWuvAXWFTtA1Qpg==";

/// A fresh key of the node's tenant, made with these words.
fn key(node: &Node, words: &[&str]) -> Result<Target> {
    let words = [&["key", "create", "--tenant", node.tenant()], words].concat();
    let made = node.essaim_json(&words)?;
    let text = |name: &str| made[name].as_str().map(str::to_owned).context("no key");
    Ok(Target {
        access_key_id: text("access_key_id")?,
        secret_access_key: text("secret_access_key")?,
        ..node.target()
    })
}

async fn check(client: &mut Client, ask: Ask, expected: u16) -> Result<String> {
    let told = format!("{} {}?{}", ask.method, ask.path, ask.query);
    let answer = client.call(ask).await?;
    ensure!(answer.status.as_u16() == expected, "{told}: {} {}", answer.status, answer.text());
    Ok(answer.text())
}

fn put(path: &str) -> Ask {
    Ask::new(Method::PUT, path).body("text")
}

fn get(path: &str) -> Ask {
    Ask::new(Method::GET, path)
}

#[tokio::test]
async fn a_key_that_only_reads_reads_only() -> Result<()> {
    let node = Node::start()?;
    let mut owner = Client::connect(&node.target()).await?;
    check(&mut owner, Ask::new(Method::PUT, "/plans"), 200).await?;
    check(&mut owner, put("/plans/k"), 200).await?;
    let mut reader = Client::connect(&key(&node, &["--read-only"])?).await?;
    ensure!(check(&mut reader, get("/plans/k"), 200).await? == "text");
    check(&mut reader, get("/plans").query("list-type=2"), 200).await?;
    check(&mut reader, put("/plans/other"), 403).await?;
    check(&mut reader, put("/plans/k"), 403).await?;
    check(&mut reader, put("/plans/k").query("tagging="), 403).await?;
    check(&mut reader, Ask::new(Method::POST, "/plans/k").query("uploads="), 403).await?;
    check(&mut reader, Ask::new(Method::DELETE, "/plans/k"), 403).await?;
    check(&mut reader, Ask::new(Method::DELETE, "/plans"), 403).await?;
    check(&mut reader, Ask::new(Method::PUT, "/more"), 403).await?;
    ensure!(check(&mut owner, get("/plans/k"), 200).await? == "text");
    Ok(())
}

#[tokio::test]
async fn a_quota_of_objects_is_kept() -> Result<()> {
    let node = Node::start()?;
    let words = ["tenant", "create", "asso", "--quota-objects", "3", "--quota-bytes", "1MiB"];
    let made = node.essaim_json(&words)?;
    ensure!(made["quota_objects"] == 3 && made["quota_bytes"] == 1 << 20, "{made}");
    let key = node.essaim_json(&["key", "create", "--tenant", "asso"])?;
    let text = |name: &str| key[name].as_str().map(str::to_owned).context("no key");
    let target = Target {
        access_key_id: text("access_key_id")?,
        secret_access_key: text("secret_access_key")?,
        ..node.target()
    };
    let mut client = Client::connect(&target).await?;
    check(&mut client, Ask::new(Method::PUT, "/plans"), 200).await?;
    let empty = |path: &str| Ask::new(Method::PUT, path);
    check(&mut client, empty("/plans/a"), 200).await?;
    check(&mut client, empty("/plans/b"), 200).await?;
    let begun = Ask::new(Method::POST, "/plans/c").query("uploads=");
    let begun = check(&mut client, begun, 200).await?;
    let told = check(&mut client, empty("/plans/d"), 403).await?;
    ensure!(told.contains("QuotaExceeded") && told.contains("essaim tenant quota"), "{told}");
    check(&mut client, Ask::new(Method::POST, "/plans/d").query("uploads="), 403).await?;
    check(&mut client, empty("/plans/a"), 200).await?;
    let usage = node.essaim_json(&["usage", "--tenant", "asso"])?;
    ensure!(usage["tenants"][0]["quota_objects"] == 3, "{usage}");
    let shown = node.essaim(&["tenant", "show", "asso"])?;
    ensure!(shown.contains("1.0 MiB, 3 objects"), "{shown}");

    // An upload that is given up makes room, and so does an object that goes.
    let upload = begun.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once('<'));
    let upload = upload.context("no upload")?.0.to_owned();
    let abort = Ask::new(Method::DELETE, "/plans/c").query(format!("uploadId={upload}"));
    check(&mut client, abort, 204).await?;
    check(&mut client, empty("/plans/d"), 200).await?;
    check(&mut client, empty("/plans/e"), 403).await?;
    check(&mut client, Ask::new(Method::DELETE, "/plans/d"), 204).await?;
    check(&mut client, empty("/plans/e"), 200).await?;

    // A bucket's own, and more of the tenant's.
    let lifted = node.essaim_json(&["tenant", "quota", "asso", "--quota-bytes", "2MiB"])?;
    ensure!(lifted["quota_objects"].is_null() && lifted["quota_bytes"] == 2 << 20, "{lifted}");
    let bucket = node.essaim_json(&["bucket", "quota", "plans", "--quota-objects", "4"])?;
    ensure!(bucket["quota_objects"] == 4 && bucket["quota_bytes"].is_null(), "{bucket}");
    check(&mut client, empty("/plans/f"), 200).await?;
    let told = check(&mut client, empty("/plans/g"), 403).await?;
    ensure!(told.contains("essaim bucket quota"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_key_that_expires_opens_nothing_any_more() -> Result<()> {
    let node = Node::start()?;
    let target = key(&node, &["--expires", "5s"])?;
    let made = Instant::now();
    let mut client = Client::connect(&target).await?;
    check(&mut client, Ask::new(Method::PUT, "/plans"), 200).await?;
    loop {
        let answer = client.call(put("/plans/k")).await?;
        if answer.status != 200 {
            ensure!(answer.status == 403 && answer.text().contains("InvalidAccessKeyId"));
            ensure!(made.elapsed() > Duration::from_secs(3), "too early: {:?}", made.elapsed());
            return Ok(());
        }
        ensure!(made.elapsed() < EXPIRED_AFTER_MAX, "it still writes");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn keys_of_ones_own_are_taken_where_they_are_allowed() -> Result<()> {
    let node = Node::start()?;
    let mut client = Client::connect(&node.target()).await?;
    check(&mut client, Ask::new(Method::PUT, "/plans"), 200).await?;
    let own = |ask: Ask| {
        ask.header("x-amz-server-side-encryption-customer-algorithm", "AES256")
            .header("x-amz-server-side-encryption-customer-key", OWN_KEY)
            .header("x-amz-server-side-encryption-customer-key-md5", OWN_KEY_MD5)
    };
    check(&mut client, own(put("/plans/early")), 403).await?;
    node.essaim(&["bucket", "sse-c", "plans", "--allow"])?;
    check(&mut client, own(put("/plans/k")), 200).await?;
    check(&mut client, get("/plans/k"), 400).await?;
    ensure!(check(&mut client, own(get("/plans/k")), 200).await? == "text");
    node.essaim(&["bucket", "sse-c", "plans", "--forbid"])?;
    check(&mut client, own(put("/plans/late")), 403).await?;
    ensure!(
        check(&mut client, own(get("/plans/k")), 200).await? == "text",
        "what is there is read"
    );
    node.essaim(&["bucket", "sse-c", "plans"])?;
    check(&mut client, own(put("/plans/late")), 403).await?;
    Ok(())
}

#[tokio::test]
async fn a_named_key_is_used_by_its_name() -> Result<()> {
    let node = Node::start()?;
    let mut client = Client::connect(&node.target()).await?;
    check(&mut client, Ask::new(Method::PUT, "/plans"), 200).await?;
    let named = |ask: Ask| {
        ask.header("x-amz-server-side-encryption", "aws:kms")
            .header("x-amz-server-side-encryption-aws-kms-key-id", "archives-2026")
    };
    let early = client.call(named(put("/plans/k"))).await?;
    ensure!(early.status.is_client_error(), "a key that is not there: {}", early.status);
    let tenant = node.tenant().to_owned();
    node.essaim(&["kms-key", "create", "archives-2026", "--tenant", &tenant])?;
    let listed = node.essaim_json(&["kms-key", "list", "--tenant", &tenant])?;
    ensure!(listed.to_string().contains("archives-2026"), "{listed}");
    ensure!(node.essaim(&["kms-key", "create", "archives-2026", "--tenant", &tenant]).is_err());
    check(&mut client, named(put("/plans/k")), 200).await?;
    ensure!(check(&mut client, get("/plans/k"), 200).await? == "text");
    Ok(())
}

#[tokio::test]
async fn a_bucket_is_found_by_its_host() -> Result<()> {
    let arguments = vec!["--virtual-host-domain".into(), "s3.village.example".into()];
    let node = Node::start_with(Start { arguments, ..Start::default() })?;
    let mut by_path = Client::connect(&node.target()).await?;
    check(&mut by_path, Ask::new(Method::PUT, "/plans"), 200).await?;
    let mut by_host = Client::connect_for(&node.target(), "plans.s3.village.example").await?;
    check(&mut by_host, put("/k"), 200).await?;
    ensure!(check(&mut by_path, get("/plans/k"), 200).await? == "text");
    let listed = check(&mut by_host, get("/").query("list-type=2"), 200).await?;
    ensure!(listed.contains("<Name>plans</Name>") && listed.contains("<Key>k</Key>"), "{listed}");
    // The host alone says the bucket: a path that names it is a key.
    check(&mut by_host, get("/plans/k"), 404).await?;
    let mut nobody = Client::connect_for(&node.target(), "absent.s3.village.example").await?;
    check(&mut nobody, get("/k"), 404).await?;
    let mut elsewhere = Client::connect_for(&node.target(), "plans.s3.elsewhere.example").await?;
    check(&mut elsewhere, get("/plans/k"), 200).await?;
    Ok(())
}
