//! This software: one node, one disk; fsync is always on, there is no switch.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Running, Server};
use blackbox::Target;

/// A node on fresh data.
pub struct Essaim {
    process: Running,
    target: Target,
}

impl Essaim {
    /// Starts the binary and waits until it answers.
    pub fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let credentials = folder.join("essaim.json");
        let log = File::create(folder.join("essaim.log"))?;
        let mut process = Running(
            Command::new(binary)
                .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
                .arg("--data")
                .arg(folder.join("essaim"))
                .arg("--credentials")
                .arg(&credentials)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .with_context(|| format!("{} could not be started", binary.display()))?,
        );
        let start = Instant::now();
        loop {
            let target = std::fs::read_to_string(&credentials).ok().and_then(|text| read(&text));
            if let Some(target) = target
                && std::net::TcpStream::connect(&target.address).is_ok()
            {
                return Ok(Self { process, target });
            }
            if process.0.try_wait()?.is_some() || start.elapsed() > Duration::from_secs(30) {
                bail!("the node did not start: {}", folder.join("essaim.log").display());
            }
            sleep(Duration::from_millis(50));
        }
    }
}

fn read(text: &str) -> Option<Target> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some(Target {
        address: field("s3_endpoint")?
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned(),
        region: field("region")?,
        access_key_id: field("access_key_id")?,
        secret_access_key: field("secret_access_key")?,
    })
}

impl Server for Essaim {
    fn name(&self) -> &'static str {
        "Essaim"
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn resident_bytes(&self) -> u64 {
        self.process.resident_bytes()
    }
}
