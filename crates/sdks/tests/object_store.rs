//! The `object_store` crate: what a cluster uses to keep its fragments on another S3.

use anyhow::{Context, Result, ensure};
use blackbox::{Node, samples};
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart};

fn store(node: &Node) -> Result<AmazonS3> {
    node.essaim(&["bucket", "create", "mairie", "--tenant", node.tenant()])?;
    Ok(AmazonS3Builder::new()
        .with_endpoint(node.endpoint())
        .with_allow_http(true)
        .with_region(node.region())
        .with_bucket_name("mairie")
        .with_access_key_id(node.access_key_id())
        .with_secret_access_key(node.secret_access_key())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .build()?)
}

#[tokio::test]
async fn documents_go_in_and_come_back_the_same() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let store = store(&node)?;
    let files = samples::files(&documents)?;
    for file in &files {
        let key = Path::from(file.to_string_lossy().as_ref());
        let bytes = std::fs::read(documents.join(file))?;
        let mut writer = WriteMultipart::new(store.put_multipart(&key).await?);
        writer.write(&bytes);
        writer.finish().await?;
        ensure!(store.get(&key).await?.bytes().await? == bytes, "{key}: other bytes came back");
        let half = bytes.len() / 2;
        if half > 0 {
            let range = u64::try_from(half)?..u64::try_from(bytes.len())?;
            let back = store.get_range(&key, range).await?;
            ensure!(back == *bytes.get(half..).context("half")?, "{key}: another range came back");
        }
    }
    let listed: Vec<_> = store.list(None).try_collect().await?;
    ensure!(listed.len() == files.len(), "{} listed, {} written", listed.len(), files.len());
    Ok(())
}

#[tokio::test]
async fn of_two_creators_one_wins() -> Result<()> {
    let node = Node::start()?;
    let store = store(&node)?;
    let key = Path::from("verrou");
    let create = |text: &'static str| {
        store.put_opts(&key, PutPayload::from_static(text.as_bytes()), PutMode::Create.into())
    };
    create("un").await?;
    let second = create("deux").await;
    ensure!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
    ensure!(store.get(&key).await?.bytes().await? == "un", "the first one stays");
    Ok(())
}
