//! One machine of the demonstration: a process of this very binary, in its own folder.
//!
//! **Invariant**: it ends with its handle, unless it was let go.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::town::Town;
use crate::cli::Connect;
use crate::client::Client;
use crate::failure::Failure;

/// How long a machine may take until it serves: the issue of a slow disk, not of a fast one.
const SERVES_WITHIN: Duration = Duration::from_mins(2);
/// How often it is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Lines of a log that are shown when a machine failed.
const LOG_LINES: usize = 12;

/// A site, whether it runs or not.
pub struct Machine {
    town: Town,
    folder: PathBuf,
    process: Option<Child>,
    /// Where it listened when it was last started: it comes back there.
    addresses: Option<Addresses>,
}

/// `addresses.json`, which a node writes when it serves.
#[derive(Clone, Debug, Deserialize)]
struct Addresses {
    s3_endpoint: String,
    admin_url: String,
    cluster: Vec<String>,
}

/// What the first start of a cluster leaves for its owner.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    /// The S3 region.
    pub region: String,
    /// The first tenant.
    pub tenant: String,
    /// Its first access key.
    pub access_key_id: String,
    /// The secret of that.
    pub secret_access_key: String,
}

impl Machine {
    /// A machine in a town, with nothing on it.
    pub fn new(town: Town, parent: &Path) -> Result<Self, Failure> {
        let folder = parent.join(town.name.to_lowercase().replace(' ', "-"));
        let unmade = |error| cannot("made", &folder, &error);
        fs::create_dir(&folder).map_err(unmade)?;
        let site_file = folder.join("site.toml");
        fs::write(&site_file, town.site_file()).map_err(unmade)?;
        Ok(Self { town, folder, process: None, addresses: None })
    }

    /// Its town, which its site is called after.
    pub const fn name(&self) -> &'static str {
        self.town.name
    }

    /// The directory that `--data` names.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where its S3 clients find it; none while it has never run.
    pub fn endpoint(&self) -> Option<&str> {
        self.addresses.as_ref().map(|at| at.s3_endpoint.trim_end_matches('/'))
    }

    /// Where its status page is; none while it has never run.
    pub fn admin_url(&self) -> Option<&str> {
        self.addresses.as_ref().map(|at| at.admin_url.trim_end_matches('/'))
    }

    /// The process, if it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// What commands speak to.
    pub fn client(&self) -> Result<Client, Failure> {
        let data = Some(self.data());
        Client::new(&Connect { data, admin_url: None, token_file: None, json: true })
    }

    /// What its first start left, if it founded the cluster.
    pub fn credentials(&self) -> Result<Credentials, Failure> {
        let path = self.folder.join("credentials.json");
        let text = fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display()), ""))
    }

    /// Starts it: alone, or by a token; says how long it took until it served.
    pub async fn start(&mut self, token: Option<&str>) -> Result<Duration, Failure> {
        let since = Instant::now();
        let data = self.data();
        // What is there is of the process before.
        let told = data.join("addresses.json");
        if told.exists() {
            fs::remove_file(&told).map_err(|error| cannot("removed", &told, &error))?;
        }
        self.spawn(token)?;
        loop {
            let text = fs::read_to_string(&told).ok();
            let at = text.and_then(|text| serde_json::from_str::<Addresses>(&text).ok());
            if let Some(at) = at {
                self.addresses = Some(at);
                return Ok(since.elapsed());
            }
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if let Some(status) = ended {
                return Err(self.failed(&format!("ended with {status}")));
            }
            if since.elapsed() > SERVES_WITHIN {
                return Err(self.failed("does not answer"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn spawn(&mut self, token: Option<&str>) -> Result<(), Failure> {
        let log = self.log();
        let opened = File::options().create(true).append(true).open(&log);
        let opened = opened.and_then(|log| Ok((log.try_clone()?, log)));
        let (output, errors) = opened.map_err(|error| cannot("written", &log, &error))?;
        let own = std::env::current_exe()
            .map_err(|error| Failure::failed(format!("this program has no path: {error}"), ""))?;
        let (s3, admin, cluster) = self.listens();
        let mut command = Command::new(own);
        for (name, _) in std::env::vars_os() {
            // What is set for a node of one's own is not meant for these.
            if name.to_string_lossy().starts_with("ESSAIM_") {
                command.env_remove(name);
            }
        }
        command
            .args(["up", "--s3-listen", &s3, "--admin-listen", &admin])
            .args(["--cluster-listen", &cluster, "--data"])
            .arg(self.data())
            .arg("--credentials")
            .arg(self.folder.join("credentials.json"))
            .arg("--site-file")
            .arg(self.folder.join("site.toml"));
        if let Some(token) = token {
            // Not among the arguments, which everybody on this machine can read.
            command.env("ESSAIM_JOIN", token);
        }
        let spawned = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // A Ctrl-C is for the program, which ends its machines itself.
            .process_group(0)
            .spawn();
        let told = |error| Failure::failed(format!("no process can be started: {error}"), "");
        self.process = Some(spawned.map_err(told)?);
        Ok(())
    }

    /// Where it is to listen: free ports at first, then where others know it.
    fn listens(&self) -> (String, String, String) {
        let free = || "127.0.0.1:0".to_owned();
        let Some(at) = &self.addresses else { return (free(), free(), free()) };
        let plain = |url: &str| url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let cluster = at.cluster.first().cloned().unwrap_or_else(free);
        (plain(&at.s3_endpoint), plain(&at.admin_url), cluster)
    }

    /// SIGKILL: as if the power went.
    pub fn kill(&mut self) -> Result<(), Failure> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let ended = process.kill().and_then(|()| process.wait());
        ended
            .map(|_| ())
            .map_err(|error| Failure::failed(format!("it cannot be killed: {error}"), ""))
    }

    /// What it held burns with it; it must not run.
    pub fn burn(&self) -> Result<(), Failure> {
        let data = self.data();
        fs::remove_dir_all(&data).map_err(|error| cannot("removed", &data, &error))
    }

    /// It goes on running when the program ends.
    pub fn let_go(&mut self) {
        // A child whose handle is dropped is neither killed nor waited for.
        drop(self.process.take());
    }

    fn log(&self) -> PathBuf {
        self.folder.join("node.log")
    }

    /// What went wrong with it, with the end of its log.
    fn failed(&self, what: &str) -> Failure {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.len().saturating_sub(LOG_LINES);
        let end = lines.get(end..).unwrap_or_default().join("\n");
        Failure::failed(format!("the machine in {} {what}; its log ends:\n{end}", self.name()), "")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Nothing is left to be told to anybody.
        let _ = self.kill();
    }
}

fn cannot(done: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{} cannot be {done}: {error}", path.display()), "")
}
