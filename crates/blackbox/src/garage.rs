//! Garage, another S3 system: one node, one copy, fsync of data and metadata switched on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Target;

/// Its only key.
const KEY: &str = "bench";

/// A Garage on fresh data, with one bucket; it ends with its handle.
pub struct Garage {
    process: Option<Child>,
    binary: PathBuf,
    settings: PathBuf,
    log: PathBuf,
    target: Target,
}

impl Garage {
    /// The binary that `ESSAIM_GARAGE` names, if it does.
    pub fn binary() -> Option<PathBuf> {
        std::env::var_os("ESSAIM_GARAGE").map(PathBuf::from).filter(|path| path.is_file())
    }

    /// Starts the binary, gives it a layout, a key and the bucket.
    pub fn start(binary: &Path, folder: &Path, bucket: &str) -> Result<Self> {
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
        let target = Target {
            address: format!("127.0.0.1:{s3}"),
            region: "garage".to_owned(),
            access_key_id: String::new(),
            secret_access_key: String::new(),
        };
        let (binary, log) = (binary.to_path_buf(), folder.join("garage.log"));
        let mut garage = Self { process: None, binary, settings, log, target };
        let id = garage.run()?;
        garage.call(&["layout", "assign", "-z", "here", "-c", "100G", &id])?;
        garage.call(&["layout", "apply", "--version", "1"])?;
        let key = garage.call(&["key", "create", KEY])?;
        let word = |label: &str| {
            let line = key.lines().find(|line| line.trim_start().starts_with(label));
            line.and_then(|line| line.split_whitespace().last())
                .map(str::to_owned)
                .with_context(|| format!("no {label} in {key}"))
        };
        garage.target.access_key_id = word("Key ID")?;
        garage.target.secret_access_key = word("Secret key")?;
        garage.call(&["bucket", "create", bucket])?;
        garage.call(&["bucket", "allow", "--read", "--write", "--owner", bucket, "--key", KEY])?;
        Ok(garage)
    }

    /// Starts the process, also again after [`Garage::kill`]; its node id.
    pub fn run(&mut self) -> Result<String> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let process = Command::new(&self.binary)
            .arg("-c")
            .arg(&self.settings)
            .arg("server")
            .env("RUST_LOG", "garage=warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} could not be started", self.binary.display()))?;
        self.process = Some(process);
        let start = Instant::now();
        loop {
            match self.call(&["node", "id", "-q"]) {
                Ok(id) if self.call(&["status"]).is_ok() => {
                    return Ok(id.trim().split('@').next().unwrap_or_default().to_owned());
                }
                outcome if start.elapsed() > Duration::from_secs(30) => {
                    bail!("garage did not start: {outcome:?}")
                }
                _ => sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Where and with which key clients connect.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// SIGKILL; what it keeps stays.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// A command of its own.
    pub fn call(&self, words: &[&str]) -> Result<String> {
        let output =
            Command::new(&self.binary).arg("-c").arg(&self.settings).args(words).output()?;
        if !output.status.success() {
            bail!("garage {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        // It has ended already, or ends with this.
        let _ended = self.kill();
    }
}

/// Two ports that are free now.
fn free_ports() -> Result<[u16; 2]> {
    let listeners =
        [std::net::TcpListener::bind("127.0.0.1:0")?, std::net::TcpListener::bind("127.0.0.1:0")?];
    let [first, second] = &listeners;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}
