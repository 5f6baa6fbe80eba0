//! s3fs: the bucket as a folder; written through it, read through S3, and the reverse.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use blackbox::{Node, Program, samples};

#[test]
fn a_bucket_is_a_folder() -> Result<()> {
    let node = Node::start()?;
    let folder = tempfile::tempdir()?;
    let documents = samples::folder(folder.path())?;
    let point = folder.path().join("mount");
    std::fs::create_dir(&point)?;
    node.essaim(&["bucket", "create", "mairie", "--tenant", node.tenant()])?;

    let url = format!("url={}", node.endpoint());
    let region = format!("endpoint={}", node.region());
    Program::named("s3fs")?
        .env("AWSACCESSKEYID", node.access_key_id())
        .env("AWSSECRETACCESSKEY", node.secret_access_key())
        .args(["mairie"])
        .args([&point])
        .args(["-o", &url, "-o", &region, "-o", "use_path_request_style,sigv4"])
        .run()?;
    let mount = Mounted(&point);
    wait_for_mount(&point)?;
    for file in samples::files(&documents)? {
        let target = point.join(&file);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(documents.join(&file), target)?;
    }
    samples::ensure_same(&documents, &point)?;
    drop(mount);

    let back = folder.path().join("back");
    Program::named("aws")?
        .env("AWS_ACCESS_KEY_ID", node.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", node.secret_access_key())
        .env("AWS_DEFAULT_REGION", node.region())
        .env("AWS_ENDPOINT_URL", node.endpoint())
        .args(["s3", "sync", "--no-progress", "--exclude", "*/", "s3://mairie"])
        .args([&back])
        .run()?;
    samples::ensure_same(&documents, &back)
}

fn wait_for_mount(point: &std::path::Path) -> Result<()> {
    let start = Instant::now();
    while !std::fs::read_to_string("/proc/mounts")?.contains(&*point.to_string_lossy()) {
        ensure!(start.elapsed() < Duration::from_secs(20), "s3fs did not mount");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Unmounts when dropped, at the end of the test or in its failure.
struct Mounted<'a>(&'a std::path::Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _unmounted = Program::named("fusermount3")
            .and_then(|program| program.args(["-u"]).args([self.0]).run());
    }
}
