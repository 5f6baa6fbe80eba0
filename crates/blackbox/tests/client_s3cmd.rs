//! s3cmd: make, put with small multipart chunks, get, sync, delete.

use anyhow::{Context, Result, ensure};
use blackbox::{Node, Program, samples};

#[test]
fn a_folder_goes_in_and_comes_back_the_same() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let host = node.endpoint().strip_prefix("http://").context("the endpoint is http")?;
    let settings = folder.path().join("s3cfg");
    std::fs::write(
        &settings,
        format!(
            "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {host}\nhost_bucket = {host}\n\
             bucket_location = {}\nuse_https = False\nmultipart_chunk_size_mb = 5\n",
            node.access_key_id(),
            node.secret_access_key(),
            node.region(),
        ),
    )?;
    let s3cmd = || -> Result<Program> {
        Ok(Program::named("s3cmd")?.args(["--no-progress", "-c"]).args([&settings]))
    };
    let back = folder.path().join("back");
    std::fs::create_dir(&back)?;

    s3cmd()?.args(["mb", "s3://mairie"]).run()?;
    let source = format!("{}/", documents.display());
    s3cmd()?.args(["sync", &source, "s3://mairie/actes/"]).run()?;
    let target = format!("{}/", back.display());
    s3cmd()?.args(["sync", "s3://mairie/actes/", &target]).run()?;
    samples::ensure_same(&documents, &back)?;

    s3cmd()?.args(["del", "--recursive", "--force", "s3://mairie"]).run()?;
    let left = s3cmd()?.args(["ls", "--recursive", "s3://mairie"]).run()?;
    ensure!(left.trim().is_empty(), "left after delete:\n{left}");
    s3cmd()?.args(["rb", "s3://mairie"]).run()?;
    Ok(())
}
