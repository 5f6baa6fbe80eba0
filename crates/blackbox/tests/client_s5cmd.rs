//! s5cmd: many parallel transfers, then removal by wildcard.

use anyhow::{Result, ensure};
use blackbox::{Node, Program, samples};

#[test]
fn a_folder_goes_in_and_comes_back_the_same() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let back = folder.path().join("back");
    let s5cmd = || -> Result<Program> {
        Ok(Program::named("s5cmd")?
            .env("AWS_ACCESS_KEY_ID", node.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", node.secret_access_key())
            .env("AWS_REGION", node.region())
            .env("S3_ENDPOINT_URL", node.endpoint()))
    };
    s5cmd()?.args(["mb", "s3://mairie"]).run()?;
    s5cmd()?
        .args(["cp", "--part-size", "5"])
        .args([format!("{}/", documents.display())])
        .args(["s3://mairie/actes/"])
        .run()?;
    s5cmd()?.args(["cp", "s3://mairie/actes/*"]).args([format!("{}/", back.display())]).run()?;
    samples::ensure_same(&documents, &back)?;

    s5cmd()?.args(["rm", "s3://mairie/*"]).run()?;
    ensure!(s5cmd()?.args(["ls", "s3://mairie/*"]).run().is_err(), "s5cmd finds objects after rm");
    Ok(())
}
