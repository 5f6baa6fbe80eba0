//! Nodes of our own for the suite: fresh data, five tenants, the suite's settings.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell;

/// How long a fresh node may take until it answers.
const START_MAX: Duration = Duration::from_secs(30);

/// Seconds that stand for a day in lifecycle rules; the suite waits in this unit.
const DAY_SECONDS: &str = "10";

/// Sections of the suite's settings and the tenant that plays each.
const ROLES: &[(&str, &str)] = &[
    ("s3 main", "main"),
    ("s3 alt", "alt"),
    ("s3 tenant", "third"),
    ("iam", "root"),
    ("iam root", "root"),
    ("iam alt root", "altroot"),
];

/// A running node; killed when dropped.
pub struct Node {
    process: Child,
    binary: PathBuf,
    folder: PathBuf,
}

impl Node {
    /// Starts the binary on fresh data in this folder, founding a cluster or joining that of
    /// another, and waits until it answers.
    pub fn start(binary: &Path, folder: &Path, joins: Option<&Self>) -> Result<Self> {
        let token = joins.map(|other| {
            let made = other.command(&["invite"])?;
            anyhow::Ok(field(&made, "token")?.to_owned())
        });
        fs::create_dir_all(folder)?;
        let log = File::create(folder.join("node.log"))?;
        let process = Command::new(binary)
            .args(["up", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--cluster-listen", "127.0.0.1:0"])
            .args(["--lifecycle-day-seconds", DAY_SECONDS])
            .args(["--default-object-ownership", "ObjectWriter", "--default-sse-c"])
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--credentials")
            .arg(folder.join("credentials.json"))
            .envs(token.transpose()?.map(|token| ("ESSAIM_JOIN", token)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} could not be started", binary.display()))?;
        let mut node = Self { process, binary: binary.to_path_buf(), folder: folder.to_path_buf() };
        let start = Instant::now();
        while node.command(&["status"]).is_err() {
            if node.process.try_wait()?.is_some() || start.elapsed() > START_MAX {
                bail!("the node did not start:\n{}", fs::read_to_string(folder.join("node.log"))?);
            }
            sleep(Duration::from_millis(100));
        }
        Ok(node)
    }

    /// Waits until so many sites vote and answer.
    pub fn sites_wait(&self, sites: u64) -> Result<()> {
        let start = Instant::now();
        loop {
            let status = self.command(&["status"])?;
            let cluster = &status["cluster"];
            let all_answer = cluster["unreachable"].as_array().is_some_and(Vec::is_empty);
            if cluster["voting"] == sites && cluster["sites"] == sites && all_answer {
                return Ok(());
            }
            if start.elapsed() > START_MAX {
                bail!("the sites do not come together: {cluster}");
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// Makes the tenants and says to the suite who they are, and through which node it works.
    pub fn suite_settings(&self, through: &Self) -> Result<String> {
        let credentials: Value =
            serde_json::from_str(&fs::read_to_string(self.folder.join("credentials.json"))?)?;
        let addresses: Value =
            serde_json::from_str(&fs::read_to_string(through.folder.join("data/addresses.json"))?)?;
        let endpoint = field(&addresses, "s3_endpoint")?;
        let (host, port) = endpoint
            .trim_end_matches('/')
            .rsplit_once("//")
            .and_then(|(_, address)| address.rsplit_once(':'))
            .with_context(|| format!("{endpoint} is not http://HOST:PORT"))?;
        let region = field(&credentials, "region")?;
        let mut text = format!(
            "[DEFAULT]\nhost = {host}\nport = {port}\nis_secure = False\nssl_verify = False\n\
             [fixtures]\nbucket prefix = essaim-{{random}}-\n\
             iam name prefix = essaim-\niam path prefix = /essaim/\n"
        );
        for name in ["main", "alt", "third", "root", "altroot"] {
            self.command(&["tenant", "create", name, "--email", &email(name)])?;
        }
        for name in ["testkey-1", "testkey-2"] {
            self.command(&["kms-key", "create", name, "--tenant", "main"])?;
        }
        for (section, name) in ROLES {
            let tenant = self.command(&["tenant", "show", name])?;
            let key = self.command(&["key", "create", "--tenant", name])?;
            writeln!(
                text,
                "[{section}]\ndisplay_name = {name}\nuser_id = {}\nemail = {}\n\
                 access_key = {}\nsecret_key = {}\napi_name = {region}\ntenant = {name}\n\
                 lc_debug_interval = {DAY_SECONDS}\n\
                 kms_keyid = testkey-1\nkms_keyid2 = testkey-2",
                field(&tenant, "id")?,
                email(name),
                field(&key, "access_key_id")?,
                field(&key, "secret_access_key")?,
            )?;
        }
        Ok(text)
    }

    fn command(&self, words: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.binary);
        command.args(words).arg("--data").arg(self.folder.join("data")).arg("--json");
        let text = shell::output(&mut command)?;
        serde_json::from_str(&text).with_context(|| format!("{words:?} printed {text:?}"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The data goes with the temporary folder; nothing to keep.
        if self.process.kill().is_ok() {
            let _ended = self.process.wait();
        }
    }
}

fn email(name: &str) -> String {
    format!("{name}@example.org")
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value.get(name).and_then(Value::as_str).with_context(|| format!("no {name} in {value}"))
}
