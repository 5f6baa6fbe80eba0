//! boto3: resource and client calls, managed multipart transfers, presigned addresses.

use anyhow::Result;
use blackbox::{Node, Program, samples};

#[test]
fn documents_checksums_and_presigned_addresses() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/boto3_client.py");
    let back = folder.path().join("back");
    Program::named("python")?
        .env("AWS_ACCESS_KEY_ID", node.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", node.secret_access_key())
        .env("AWS_DEFAULT_REGION", node.region())
        .env("ENDPOINT", node.endpoint())
        .args([script])
        .args([&documents, &back])
        .run()?;
    samples::ensure_same(&documents, &back)
}
