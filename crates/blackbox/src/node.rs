//! The real binary as a child process: started, asked, killed.
//!
//! **Invariant**: a node does not outlive its handle; its folder goes with it
//! unless it was given from outside.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Target;

/// How long a node may take until it answers.
pub const START_MAX: Duration = Duration::from_secs(30);

/// How to start a node; the default is fresh data in a temporary folder.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Parent of `data/` and `credentials.json`; temporary if not given.
    pub folder: Option<PathBuf>,
    /// More arguments for `essaim up`.
    pub arguments: Vec<OsString>,
    /// A program and its arguments put in front, such as `strace`.
    pub wrapper: Vec<OsString>,
    /// Where it listens, at its usual ports; if not given, at free ports of this machine.
    pub listen: Option<Ipv4Addr>,
    /// The binary, if not the one `cargo` built beside this program.
    pub binary: Option<PathBuf>,
    /// Whether the node joins a cluster, or has: it has no credentials of its own then, and
    /// those of [`Node::credential`] are empty.
    pub joins: bool,
}

/// A running node.
pub struct Node {
    process: Child,
    binary: PathBuf,
    folder: PathBuf,
    credentials: Value,
    ready_after: Duration,
    /// Bytes of the log that are of processes before this one.
    log_from: usize,
    joins: bool,
    _temporary: Option<TempDir>,
}

impl Node {
    /// Fresh data, free ports, ready to serve.
    pub fn start() -> Result<Self> {
        Self::start_with(Start::default())
    }

    /// As the caller wants it; waits until it answers, fails with its log if it does not.
    pub fn start_with(start: Start) -> Result<Self> {
        let (mut node, log) = Self::spawn(start)?;
        let since = Instant::now();
        loop {
            if let Some(credentials) = node.answering() {
                node.credentials = credentials;
                node.ready_after = since.elapsed();
                return Ok(node);
            }
            if let Some(status) = node.process.try_wait()? {
                bail!("the node ended with {status}:\n{}", fs::read_to_string(log)?);
            }
            if since.elapsed() > START_MAX {
                bail!("the node does not answer:\n{}", fs::read_to_string(log)?);
            }
            sleep(Duration::from_millis(10));
        }
    }

    fn spawn(start: Start) -> Result<(Self, PathBuf)> {
        let temporary = start.folder.is_none().then(tempfile::tempdir).transpose()?;
        let folder = match (&start.folder, &temporary) {
            (Some(folder), _) => folder.clone(),
            (None, Some(temporary)) => temporary.path().to_path_buf(),
            (None, None) => bail!("no folder for the node"),
        };
        fs::create_dir_all(&folder)?;
        let binary = start.binary.map_or_else(binary, Ok)?;
        let credentials = folder.join("credentials.json");
        // An old file would name the ports of the last run.
        let addresses = folder.join("data/addresses.json");
        if addresses.exists() {
            fs::remove_file(addresses)?;
        }
        let log = folder.join("node.log");
        let output = File::options().create(true).append(true).open(&log)?;
        let log_from = usize::try_from(output.metadata()?.len())?;
        let mut words = start.wrapper.clone();
        words.push(binary.clone().into_os_string());
        let mut words = words.into_iter();
        let program = words.next().context("an empty command")?;
        let process = Command::new(&program)
            .args(words)
            .arg("up")
            .args(listens(start.listen))
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--credentials")
            .arg(&credentials)
            .args(start.arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        let node = Self {
            process,
            binary,
            folder,
            credentials: Value::Null,
            ready_after: Duration::ZERO,
            log_from,
            joins: start.joins,
            _temporary: temporary,
        };
        Ok((node, log))
    }

    /// The credentials file, once the address it names takes connections.
    fn answering(&self) -> Option<Value> {
        let mut credentials: Value = if self.joins {
            serde_json::json!({ "s3_endpoint": "", "admin_url": "" })
        } else {
            let text = fs::read_to_string(self.folder.join("credentials.json")).ok()?;
            serde_json::from_str(&text).ok()?
        };
        let now = self.addresses().or_else(|| greeted(&self.log_now().ok()?))?;
        for field in ["s3_endpoint", "admin_url"] {
            *credentials.get_mut(field)? = now.get(field)?.clone();
        }
        let address = credentials.get("s3_endpoint")?.as_str()?.strip_prefix("http://")?;
        std::net::TcpStream::connect(address.trim_end_matches('/')).ok()?;
        Some(credentials)
    }

    /// Where it listens: ports are drawn anew on each start.
    fn addresses(&self) -> Option<Value> {
        let text = fs::read_to_string(self.folder.join("data/addresses.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// What this process has printed: the log may hold what others did before.
    fn log_now(&self) -> Result<String> {
        let log = self.log()?;
        Ok(log.get(self.log_from..).unwrap_or_default().to_owned())
    }

    /// Time from the start of the process until it answered.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// A field of the credentials file; empty if it is not there.
    pub fn credential(&self, name: &str) -> &str {
        self.credentials.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// `http://HOST:PORT`, without a slash at the end.
    pub fn endpoint(&self) -> &str {
        self.credential("s3_endpoint").trim_end_matches('/')
    }

    /// The S3 region.
    pub fn region(&self) -> &str {
        self.credential("region")
    }

    /// The first tenant.
    pub fn tenant(&self) -> &str {
        self.credential("tenant")
    }

    /// The first access key.
    pub fn access_key_id(&self) -> &str {
        self.credential("access_key_id")
    }

    /// Its secret.
    pub fn secret_access_key(&self) -> &str {
        self.credential("secret_access_key")
    }

    /// Has what clients need from another node of the same cluster, at this node's own
    /// address.
    #[must_use]
    pub fn with_key_of(mut self, other: &Self) -> Self {
        let mut credentials = other.credentials.clone();
        for field in ["s3_endpoint", "admin_url"] {
            credentials[field] = self.credentials[field].clone();
        }
        self.credentials = credentials;
        self
    }

    /// The administrator's address, without a slash at the end.
    pub fn admin_url(&self) -> &str {
        self.credential("admin_url").trim_end_matches('/')
    }

    /// Where and with which key a [`crate::Client`] connects.
    pub fn target(&self) -> Target {
        Target {
            address: self.endpoint().trim_start_matches("http://").to_owned(),
            region: self.region().to_owned(),
            access_key_id: self.access_key_id().to_owned(),
            secret_access_key: self.secret_access_key().to_owned(),
        }
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder around it: credentials and log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything the process has printed.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join("node.log"))?)
    }

    /// The process id, for `/proc` and signals.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Runs a command of the same binary against this node; returns what it printed.
    pub fn essaim(&self, words: &[&str]) -> Result<String> {
        let output = Command::new(&self.binary)
            .args(words)
            .arg("--data")
            .arg(self.data())
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            output.status.success(),
            "essaim {words:?} failed ({}):\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same with `--json`, parsed.
    pub fn essaim_json(&self, words: &[&str]) -> Result<Value> {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let text = self.essaim(&words)?;
        serde_json::from_str(&text).with_context(|| format!("{words:?} printed {text:?}"))
    }

    /// SIGKILL, as a power switch would; the folder stays until the handle goes.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// SIGSTOP: it hangs, with its connections open, until [`Node::resume`].
    pub fn pause(&self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::STOP).context("no signal sent")
    }

    /// SIGCONT: it goes on where it was.
    pub fn resume(&self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::CONT).context("no signal sent")
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> Result<Option<i32>> {
        let id = Pid::from_child(&self.process);
        kill_process(id, Signal::TERM).context("no signal sent")?;
        Ok(self.process.wait()?.code())
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _killed = self.process.kill();
            let _ended = self.process.wait();
        }
    }
}

/// The arguments that say where a node listens.
fn listens(address: Option<Ipv4Addr>) -> [String; 6] {
    let at = |port: u16| match address {
        Some(address) => format!("{address}:{port}"),
        None => "127.0.0.1:0".to_owned(),
    };
    let flag = |name: &str| format!("--{name}-listen");
    [flag("s3"), at(8420), flag("admin"), at(8421), flag("cluster"), at(8422)]
}

/// Where it listens by its greeting: a node that cannot write `addresses.json` (its disk
/// is full, or failing) says so and serves.
fn greeted(log: &str) -> Option<Value> {
    let after = |label: &str| {
        let mut lines = log.lines().map(str::trim_start);
        lines.find_map(|line| line.strip_prefix(label)?.split_whitespace().next())
    };
    Some(serde_json::json!({
        "s3_endpoint": after("S3 ")?,
        "admin_url": after("Status page ")?,
    }))
}

/// The binary that cargo built: `ESSAIM_BINARY`, or beside the running program.
pub fn binary() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("ESSAIM_BINARY") {
        return Ok(binary.into());
    }
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("essaim"))
        .find(|binary| binary.is_file());
    found.context("no `essaim` beside this program: `cargo build --bin essaim` first")
}

#[cfg(test)]
mod tests {
    use super::greeted;

    #[test]
    fn a_greeting_says_where_the_node_listens() {
        let log = "2026-11-22T10:00:00Z WARN no room\n\n  Essaim 0.1.0 is up: as it was left\n\n  \
                   S3              http://127.0.0.1:4001  (region eu)\n  \
                   Status page     http://127.0.0.1:4002  (log in as admin)\n";
        let found = greeted(log).unwrap();
        assert_eq!(found["s3_endpoint"], "http://127.0.0.1:4001");
        assert_eq!(found["admin_url"], "http://127.0.0.1:4002");
        assert!(greeted("  S3              http://127.0.0.1:4001  (region eu)\n").is_none());
    }
}
