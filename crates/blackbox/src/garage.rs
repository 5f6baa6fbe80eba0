//! Garage, another S3 system: one node with one copy, or several with three; fsync of
//! data and metadata switched on, metadata in LMDB.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::Target;
use crate::network::{Network, Place};

/// Its only key.
const KEY: &str = "bench";
/// How long it may take to start, and a cluster to be whole.
const START_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Copies it keeps of an object, where there are as many nodes.
const COPIES: usize = 3;

/// A Garage on fresh data, with one bucket; it ends with its handle.
pub struct Garage {
    process: Option<Child>,
    /// What stands before the program, so that it runs at its site.
    wrapper: Vec<OsString>,
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
        let mut cluster = Self::start_cluster(binary, folder, bucket, 1, None)?;
        cluster.pop().context("a cluster of no node")
    }

    /// Starts so many nodes, each with a folder and a zone of its own, and waits until
    /// each knows all of them in their places; at the sites of a network if one is given.
    /// Objects have three copies, or one on fewer than three nodes.
    pub fn start_cluster(
        binary: &Path,
        folder: &Path,
        bucket: &str,
        nodes: usize,
        network: Option<&Network>,
    ) -> Result<Vec<Self>> {
        let copies = if nodes < COPIES { 1 } else { COPIES };
        let mut cluster = Vec::new();
        let mut ids = Vec::new();
        for number in 1..=nodes {
            let at = network.map(|network| Seat::at(network, number - 1));
            let seat = at.unwrap_or_else(Seat::free)?;
            let home = folder.join(format!("garage-{number}"));
            let mut node = Self::new(binary, &home, copies, seat)?;
            ids.push(node.run()?);
            cluster.push(node);
        }
        let first = cluster.first().context("a cluster of no node")?;
        for id in ids.iter().skip(1) {
            first.call(&["node", "connect", id])?;
        }
        for (number, id) in ids.iter().enumerate() {
            let id = id.split('@').next().unwrap_or_default();
            let zone = zone(number);
            first.call(&["layout", "assign", "-z", &zone, "-c", "100G", id])?;
        }
        first.call(&["layout", "apply", "--version", "1"])?;
        for node in &cluster {
            node.wait_for(nodes)?;
        }
        let key = first.call(&["key", "create", KEY])?;
        let word = |label: &str| {
            let line = key.lines().find(|line| line.trim_start().starts_with(label));
            line.and_then(|line| line.split_whitespace().last())
                .map(str::to_owned)
                .with_context(|| format!("no {label} in {key}"))
        };
        first.call(&["bucket", "create", bucket])?;
        first.call(&["bucket", "allow", "--read", "--write", "--owner", bucket, "--key", KEY])?;
        let (id, secret) = (word("Key ID")?, word("Secret key")?);
        for node in &mut cluster {
            node.target.access_key_id.clone_from(&id);
            node.target.secret_access_key.clone_from(&secret);
        }
        Ok(cluster)
    }

    /// A node with its settings, not yet started.
    fn new(binary: &Path, home: &Path, copies: usize, seat: Seat) -> Result<Self> {
        let Seat { wrapper, rpc, s3 } = seat;
        fs::create_dir_all(home)?;
        let settings = home.join("garage.toml");
        fs::write(
            &settings,
            format!(
                "metadata_dir = \"{home}/meta\"\ndata_dir = \"{home}/data\"\ndb_engine = \"lmdb\"\n\
                 metadata_fsync = true\ndata_fsync = true\nreplication_factor = {copies}\n\
                 compression_level = \"none\"\n\
                 rpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\n\
                 rpc_secret = \"{secret}\"\n[s3_api]\ns3_region = \"garage\"\n\
                 api_bind_addr = \"{s3}\"\n",
                home = home.display(),
                secret = "5e".repeat(32),
            ),
        )?;
        let target = Target {
            address: s3.to_string(),
            region: "garage".to_owned(),
            access_key_id: String::new(),
            secret_access_key: String::new(),
        };
        let (binary, log) = (binary.to_path_buf(), home.join("garage.log"));
        Ok(Self { process: None, wrapper, binary, settings, log, target })
    }

    /// Waits until it knows so many nodes, each in its zone and answering.
    fn wait_for(&self, nodes: usize) -> Result<()> {
        let since = Instant::now();
        loop {
            let status = self.call(&["status"])?;
            // A node that was not seen yet stands behind this line.
            let healthy = status.split("==== FAILED").next().unwrap_or_default();
            if (0..nodes).all(|number| healthy.split_whitespace().any(|w| w == zone(number))) {
                return Ok(());
            }
            ensure!(since.elapsed() < START_MAX, "the nodes do not find together: {status}");
            sleep(LOOK_EVERY);
        }
    }

    /// Starts the process, also again after [`Garage::kill`]; its node id,
    /// with the address where others reach it.
    pub fn run(&mut self) -> Result<String> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut words = self.wrapper.iter().map(OsString::as_os_str);
        let mut command = Command::new(words.next().unwrap_or(self.binary.as_os_str()));
        command.args(words);
        if !self.wrapper.is_empty() {
            command.arg(&self.binary);
        }
        let process = command
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
                    return Ok(id.trim().to_owned());
                }
                outcome if start.elapsed() > START_MAX => {
                    bail!("garage did not start: {outcome:?}")
                }
                _ => sleep(LOOK_EVERY),
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

/// The zone of a node of this number.
fn zone(number: usize) -> String {
    format!("site-{}", number + 1)
}

/// Where a node runs and listens.
struct Seat {
    wrapper: Vec<OsString>,
    rpc: SocketAddr,
    s3: SocketAddr,
}

impl Seat {
    /// At a site, at the ports of its manual.
    fn at(network: &Network, site: usize) -> Result<Self> {
        let address = IpAddr::V4(network.address(Place::Site(site))?);
        let [s3, rpc] = [3900, 3901].map(|port| SocketAddr::new(address, port));
        Ok(Self { wrapper: network.wrapper(site)?, rpc, s3 })
    }

    /// On this machine, at two ports that are free now.
    fn free() -> Result<Self> {
        let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let [rpc, s3] = &listeners;
        Ok(Self { wrapper: Vec::new(), rpc: rpc.local_addr()?, s3: s3.local_addr()? })
    }
}
