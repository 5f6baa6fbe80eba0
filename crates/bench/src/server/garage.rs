//! Garage: one node, one copy, LMDB, fsync of data and metadata switched on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Server;
use crate::BUCKET;
use blackbox::Target;

/// A Garage on fresh data.
pub struct Garage {
    process: Running,
    target: Target,
}

impl Garage {
    /// Starts the binary, gives it a layout, a key and the bucket.
    pub fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let [rpc, s3] = free_ports()?;
        let home = folder.join("garage");
        fs::create_dir_all(&home)?;
        let settings = home.join("garage.toml");
        fs::write(
            &settings,
            format!(
                "metadata_dir = \"{home}/meta\"\ndata_dir = \"{home}/data\"\ndb_engine = \"lmdb\"\n\
                 metadata_fsync = true\ndata_fsync = true\nreplication_factor = 1\n\
                 compression_level = \"none\"\n\
                 rpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\n\
                 rpc_secret = \"{secret}\"\n[s3_api]\ns3_region = \"garage\"\n\
                 api_bind_addr = \"127.0.0.1:{s3}\"\n",
                home = home.display(),
                secret = "5e".repeat(32),
            ),
        )?;
        let log = File::create(folder.join("garage.log"))?;
        let process = Running(
            Command::new(binary)
                .arg("-c")
                .arg(&settings)
                .arg("server")
                .env("RUST_LOG", "garage=warn")
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .with_context(|| format!("{} could not be started", binary.display()))?,
        );
        let cli = Cli { binary: binary.to_path_buf(), settings };
        let start = Instant::now();
        let id = loop {
            match cli.call(&["node", "id", "-q"]) {
                Ok(id) if cli.call(&["status"]).is_ok() => break id,
                outcome if start.elapsed() > Duration::from_secs(30) => {
                    bail!("garage did not start: {outcome:?}")
                }
                _ => sleep(Duration::from_millis(100)),
            }
        };
        let id = id.trim().split('@').next().unwrap_or_default().to_owned();
        cli.call(&["layout", "assign", "-z", "here", "-c", "100G", &id])?;
        cli.call(&["layout", "apply", "--version", "1"])?;
        let key = cli.call(&["key", "create", "bench"])?;
        let word = |label: &str| {
            let line = key.lines().find(|line| line.trim_start().starts_with(label));
            line.and_then(|line| line.split_whitespace().last())
                .map(str::to_owned)
                .with_context(|| format!("no {label} in {key}"))
        };
        let target = Target {
            address: format!("127.0.0.1:{s3}"),
            region: "garage".to_owned(),
            access_key_id: word("Key ID")?,
            secret_access_key: word("Secret key")?,
        };
        cli.call(&["bucket", "create", BUCKET])?;
        cli.call(&["bucket", "allow", "--read", "--write", "--owner", BUCKET, "--key", "bench"])?;
        Ok(Self { process, target })
    }
}

impl Server for Garage {
    fn name(&self) -> &'static str {
        "Garage"
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn process_id(&self) -> u32 {
        self.process.0.id()
    }
}

/// A child process that does not outlive the run.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            let _ended = self.0.wait();
        }
    }
}

struct Cli {
    binary: PathBuf,
    settings: PathBuf,
}

impl Cli {
    fn call(&self, words: &[&str]) -> Result<String> {
        let output =
            Command::new(&self.binary).arg("-c").arg(&self.settings).args(words).output()?;
        if !output.status.success() {
            bail!("garage {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Two ports that are free now.
fn free_ports() -> Result<[u16; 2]> {
    let listeners =
        [std::net::TcpListener::bind("127.0.0.1:0")?, std::net::TcpListener::bind("127.0.0.1:0")?];
    let [first, second] = &listeners;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}
