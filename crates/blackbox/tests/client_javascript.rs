//! `@aws-sdk/client-s3` on Node.js: puts with trailing checksums, gets, lists, multipart.

use anyhow::Result;
use blackbox::{Node, Program, samples};

#[test]
fn a_folder_goes_in_and_comes_back_the_same() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let back = folder.path().join("back");
    // Modules are found from where the script lies: beside the installed packages.
    let clients = std::env::var("ESSAIM_CLIENTS").unwrap_or_default();
    let script = std::path::Path::new(&clients).join("node/essaim_client.mjs");
    std::fs::write(&script, include_str!("scripts/javascript_client.mjs"))?;
    Program::named("node")?
        .env("AWS_ACCESS_KEY_ID", node.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", node.secret_access_key())
        .env("AWS_REGION", node.region())
        .env("ENDPOINT", node.endpoint())
        .args([&script, &documents, &back])
        .run()?;
    samples::ensure_same(&documents, &back)
}
