//! aws-cli: high-level `s3` commands over a folder of real documents, low-level `s3api`.

use anyhow::{Result, ensure};
use blackbox::{Node, Program, samples};

fn aws(node: &Node) -> Result<Program> {
    Ok(Program::named("aws")?
        .env("AWS_ACCESS_KEY_ID", node.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", node.secret_access_key())
        .env("AWS_DEFAULT_REGION", node.region())
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_ENDPOINT_URL", node.endpoint()))
}

#[test]
fn a_folder_goes_in_and_comes_back_the_same() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let back = folder.path().join("back");

    aws(&node)?.args(["s3", "mb", "s3://mairie"]).run()?;
    aws(&node)?
        .args(["s3", "sync", "--no-progress"])
        .args([&documents])
        .args(["s3://mairie/actes"])
        .run()?;
    aws(&node)?.args(["s3", "sync", "--no-progress", "s3://mairie/actes"]).args([&back]).run()?;
    samples::ensure_same(&documents, &back)?;

    let again =
        aws(&node)?.args(["s3", "sync"]).args([&documents]).args(["s3://mairie/actes"]).run()?;
    ensure!(again.is_empty(), "a second sync must find nothing to do, but did:\n{again}");

    aws(&node)?
        .args(["s3", "mv", "--recursive", "s3://mairie/actes", "s3://mairie/archives"])
        .run()?;
    let listed = aws(&node)?.args(["s3", "ls", "--recursive", "s3://mairie/archives"]).run()?;
    ensure!(listed.lines().count() == samples::files(&documents)?.len(), "listed:\n{listed}");

    aws(&node)?.args(["s3", "rb", "--force", "s3://mairie"]).run()?;
    ensure!(aws(&node)?.args(["s3", "ls", "s3://mairie"]).run().is_err(), "the bucket is gone");
    Ok(())
}

#[test]
fn versions_come_back() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("budget.csv");
    aws(&node)?.args(["s3api", "create-bucket", "--bucket", "comptes"]).run()?;
    aws(&node)?
        .args(["s3api", "put-bucket-versioning", "--bucket", "comptes"])
        .args(["--versioning-configuration", "Status=Enabled"])
        .run()?;
    for text in ["2025", "2026"] {
        std::fs::write(&file, text)?;
        aws(&node)?.args(["s3", "cp"]).args([&file]).args(["s3://comptes/budget.csv"]).run()?;
    }
    aws(&node)?.args(["s3", "rm", "s3://comptes/budget.csv"]).run()?;
    let versions = aws(&node)?
        .args(["s3api", "list-object-versions", "--bucket", "comptes", "--output", "text"])
        .args(["--query", "Versions[?!IsLatest].VersionId"])
        .run()?;
    let mut contents = Vec::new();
    for version in versions.split_whitespace() {
        aws(&node)?
            .args(["s3api", "get-object", "--bucket", "comptes", "--key", "budget.csv"])
            .args(["--version-id", version])
            .args([&file])
            .run()?;
        contents.push(std::fs::read_to_string(&file)?);
    }
    ensure!(contents == ["2026", "2025"], "versions, newest first: {contents:?}");
    Ok(())
}
