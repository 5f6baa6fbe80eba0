//! restic: init, backup, check of every byte, restore, forget and prune.

use anyhow::{Result, ensure};
use blackbox::{Node, Program, samples};

#[test]
fn a_backup_is_checked_restored_and_pruned() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let restic = || -> Result<Program> {
        Ok(Program::named("restic")?
            .env("RESTIC_REPOSITORY", format!("s3:{}/sauvegardes/mairie", node.endpoint()))
            .env("RESTIC_PASSWORD", "un mot de passe d'essai")
            .env("RESTIC_CACHE_DIR", folder.path().join("cache"))
            .env("AWS_DEFAULT_REGION", node.region())
            .env("AWS_ACCESS_KEY_ID", node.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", node.secret_access_key()))
    };
    restic()?.args(["init"]).run()?;
    restic()?.args(["backup"]).args([&documents]).run()?;
    std::fs::write(documents.join("nouveau.txt"), samples::bytes(300_000, 99))?;
    restic()?.args(["backup"]).args([&documents]).run()?;
    restic()?.args(["check", "--read-data"]).run()?;

    let back = folder.path().join("back");
    restic()?.args(["restore", "latest", "--target"]).args([&back]).run()?;
    samples::ensure_same(&documents, &back.join(documents.strip_prefix("/")?))?;

    restic()?.args(["forget", "--keep-last", "1", "--prune"]).run()?;
    let left = restic()?.args(["snapshots", "--json"]).run()?;
    let left: serde_json::Value = serde_json::from_str(&left)?;
    ensure!(left.as_array().is_some_and(|list| list.len() == 1), "snapshots left: {left}");
    restic()?.args(["check", "--read-data"]).run()?;
    Ok(())
}
