//! One tenant that abuses the node, one that only wants to work.
//!
//! Promise: fifty times the load, a thousand clients that dawdle and listings as
//! large as they come, all of one tenant, leave another tenant's requests as fast
//! as they were, give or take half, and the node's memory where it was.
//!
//! The quiet tenant asks at a steady pace, first alone, then beside the other.
//! On a real network all three are machines of their own. Here they share one, and
//! the work of the clients must not pass for the node's: the attack is a process of
//! its own at the lowest priority, and the quiet tenant, which does next to nothing,
//! runs at the highest, so that it measures when an answer came and not when it was
//! let near a core to see it.

mod attack;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use blackbox::{Ask, Client, Node, Start, Target};
use clap::Args;
use http::{Method, StatusCode};
use tokio::task::JoinSet;

pub use attack::Attack;

/// Of the quiet tenant.
const BUCKET: &str = "quiet";
/// Of the other.
const CROWDED: &str = "crowded";
/// The other tenant.
const ABUSER: &str = "abuser";
/// Objects of the quiet tenant.
const OBJECTS: u64 = 200;
/// Their size.
const OBJECT_BYTES: usize = 4 * 1024;
/// What a client that does not read asks for.
const LARGE: &str = "large";
const LARGE_BYTES: usize = 16 << 20;
/// Connections that fill the crowded bucket.
const FILLERS: usize = 16;
/// Connections of the quiet tenant; its pace is shared among them.
const QUIET_CLIENTS: u32 = 4;
/// The priority of the quiet tenant's threads.
const NICE_OWN: i32 = -20;
/// From there to the lowest.
const NICE_BESIDE_OWN: &str = "39";
/// Longest time until an attack is under way.
const ATTACK_START_MAX: Duration = Duration::from_mins(2);

/// An abusive tenant beside a quiet one.
#[derive(Args)]
pub struct Abuse {
    /// How long each phase is measured.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Requests per second of the quiet tenant.
    #[arg(long, default_value_t = 100)]
    pace: u32,
    /// How many times that the other tenant sends; 0: as fast as it can.
    #[arg(long, default_value_t = 50)]
    load: u32,
    /// Its clients that dawdle: over a request's head, its body, a signed chunk, reading.
    #[arg(long, default_value_t = 1_000)]
    slow_clients: usize,
    /// Objects in its bucket, which it lists without end.
    #[arg(long, default_value_t = 20_000)]
    objects: u64,
    /// Fail if the quiet tenant's p99 grows by more than this factor.
    #[arg(long, default_value_t = 1.5)]
    ratio_max: f64,
    /// Fail if the node's memory grows beyond this, in MiB.
    #[arg(long, default_value_t = 250)]
    resident_mib_max: u64,
    /// The other side has a key of the quiet tenant: tenants take turns, the requests
    /// of one tenant come as they come. Shows what the turns are good for.
    #[arg(long)]
    one_tenant: bool,
    /// The binary; by default the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Abuse {
    /// Runs both phases; fails if the quiet tenant was harmed.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.binary.as_deref(), None)?;
        let node = Node::start_with(Start { binary: self.binary.clone(), ..Start::default() })?;
        let quiet = node.target();
        let abuser = if self.one_tenant { quiet.clone() } else { abuser(&node)? };
        put_first()?;
        prepare(&quiet, &abuser, self.objects).await?;
        let seconds = Duration::from_secs(self.seconds);
        work(&quiet, self.pace, seconds.min(Duration::from_secs(3))).await?;

        let resident = || memory(node.process_id(), "VmRSS:");
        let before = resident();
        let alone = work(&quiet, self.pace, seconds).await?;
        println!("alone     {}; resident {} MiB", alone.shown(), before >> 20);

        let mut attack = Attacker::start(&self, &abuser)?;
        attack.under_way()?;
        let beside = work(&quiet, self.pace, seconds).await?;
        let under = resident();
        println!("attacked  {}; resident {} MiB", beside.shown(), under >> 20);
        let sent = attack.end()?;
        println!("attack    {sent}");
        let most = memory(node.process_id(), "VmHWM:");
        let ratio = beside.at(99).as_secs_f64() / alone.at(99).as_secs_f64().max(1e-9);
        println!(
            "p99 beside / alone: {ratio:.2}; failed requests of the quiet tenant: {}; \
             resident {} MiB at the most; load of the machine {}",
            beside.failed,
            most >> 20,
            std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim()
        );
        ensure!(alone.failed + beside.failed == 0, "requests of the quiet tenant failed");
        ensure!(most >> 20 <= self.resident_mib_max, "the node held {} MiB", most >> 20);
        ensure!(
            ratio <= self.ratio_max,
            "the quiet tenant's p99 is {ratio:.2} times what it was, more than {}",
            self.ratio_max
        );
        Ok(())
    }
}

/// Gives this process's threads the highest priority; the node, which was started
/// before, keeps its own.
fn put_first() -> Result<()> {
    for thread in std::fs::read_dir("/proc/self/task")? {
        let id = thread?.file_name().to_string_lossy().parse()?;
        rustix::process::setpriority_process(rustix::process::Pid::from_raw(id), NICE_OWN)
            .context("the quiet tenant's threads cannot be put first: run as root")?;
    }
    Ok(())
}

/// A second tenant with a key of its own.
fn abuser(node: &Node) -> Result<Target> {
    node.essaim(&["tenant", "create", ABUSER])?;
    let key = node.essaim_json(&["key", "create", "--tenant", ABUSER])?;
    let field = |name: &str| -> Result<String> {
        let value = key.get(name).and_then(serde_json::Value::as_str);
        Ok(value.with_context(|| format!("no {name} in {key}"))?.to_owned())
    };
    Ok(Target {
        access_key_id: field("access_key_id")?,
        secret_access_key: field("secret_access_key")?,
        ..node.target()
    })
}

/// Buckets and objects of both.
async fn prepare(quiet: &Target, abuser: &Target, objects: u64) -> Result<()> {
    for (target, bucket) in [(quiet, BUCKET), (abuser, CROWDED)] {
        put(&mut Client::connect(target).await?, format!("/{bucket}"), Vec::new()).await?;
    }
    let mut client = Client::connect(quiet).await?;
    for n in 0..OBJECTS {
        put(&mut client, path(n), vec![7; OBJECT_BYTES]).await?;
    }
    let mut client = Client::connect(abuser).await?;
    put(&mut client, format!("/{CROWDED}/{LARGE}"), vec![7; LARGE_BYTES]).await?;
    let mut fillers = JoinSet::new();
    for filler in 0..FILLERS as u64 {
        let abuser = abuser.clone();
        fillers.spawn(async move {
            let mut client = Client::connect(&abuser).await?;
            for n in (filler..objects).step_by(FILLERS) {
                let path = format!("/{CROWDED}/{:03}/{n:08}", n % 500);
                put(&mut client, path, b"x".to_vec()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = fillers.join_next().await {
        ended??;
    }
    Ok(())
}

async fn put(client: &mut Client, path: String, body: Vec<u8>) -> Result<()> {
    let answer = client.call(Ask::new(Method::PUT, path).body(body)).await?;
    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    Ok(())
}

fn path(n: u64) -> String {
    format!("/{BUCKET}/{:04}", n % OBJECTS)
}

/// What the quiet tenant asks for, in turn: mostly reads.
fn ask(n: u64) -> Ask {
    match n % 10 {
        0 | 5 => Ask::new(Method::PUT, path(n)).body(vec![8; OBJECT_BYTES]),
        3 => Ask::new(Method::GET, format!("/{BUCKET}")).query("list-type=2&max-keys=50"),
        7 => Ask::new(Method::HEAD, path(n)),
        _ => Ask::new(Method::GET, path(n)),
    }
}

/// How long the quiet tenant's requests took.
struct Measured {
    /// In order of length.
    all: Vec<Duration>,
    reads: Vec<Duration>,
    writes: Vec<Duration>,
    failed: u64,
}

impl Measured {
    fn at(&self, percent: usize) -> Duration {
        percentile(&self.all, percent)
    }

    fn shown(&self) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        format!(
            "{} requests, p50 {:.2} ms, p99 {:.2} ms (reads {:.2}, writes {:.2})",
            self.all.len(),
            ms(self.at(50)),
            ms(self.at(99)),
            ms(percentile(&self.reads, 99)),
            ms(percentile(&self.writes, 99)),
        )
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

/// The quiet tenant at its pace. A request that is late counts from when it was
/// due, so that a stall is not left out (coordinated omission).
async fn work(target: &Target, pace: u32, during: Duration) -> Result<Measured> {
    let mut clients = JoinSet::new();
    let step = Duration::from_secs(QUIET_CLIENTS.into()) / pace.max(1);
    let start = Instant::now() + Duration::from_millis(20);
    for number in 0..QUIET_CLIENTS {
        let target = target.clone();
        let first = start + step * number / QUIET_CLIENTS;
        clients.spawn(async move {
            let mut client = Client::connect(&target).await?;
            let (mut took, mut failed) = (Vec::new(), 0);
            for turn in 0_u32.. {
                let due = first + step * turn;
                if due >= start + during {
                    break;
                }
                tokio::time::sleep_until(due.into()).await;
                let n = u64::from(turn) * u64::from(QUIET_CLIENTS) + u64::from(number);
                let asked = ask(n);
                let writes = asked.method == Method::PUT;
                match client.call(asked).await {
                    Ok(answer) if answer.status.is_success() => {}
                    Ok(answer) => {
                        eprintln!("{}: {}", answer.status, answer.text());
                        failed += 1;
                    }
                    Err(error) => {
                        eprintln!("{error:#}");
                        failed += 1;
                        client = Client::connect(&target).await?;
                    }
                }
                took.push((writes, due.elapsed()));
            }
            anyhow::Ok((took, failed))
        });
    }
    let (mut measured, mut failures) = (Vec::new(), 0);
    while let Some(ended) = clients.join_next().await {
        let (took, failed) = ended??;
        measured.extend(took);
        failures += failed;
    }
    let sorted = |wanted: Option<bool>| {
        let those = measured.iter().filter(|(writes, _)| wanted.is_none_or(|want| want == *writes));
        let mut those: Vec<Duration> = those.map(|(_, took)| *took).collect();
        those.sort_unstable();
        those
    };
    let (all, reads, writes) = (sorted(None), sorted(Some(false)), sorted(Some(true)));
    Ok(Measured { all, reads, writes, failed: failures })
}

/// The attack, as a process at the lowest priority; ends with its handle.
struct Attacker {
    process: Child,
    folder: tempfile::TempDir,
}

impl Attacker {
    fn start(abuse: &Abuse, target: &Target) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let own = std::env::current_exe()?;
        let process = Command::new("nice")
            .args(["-n", NICE_BESIDE_OWN])
            .arg(own)
            .arg("attack")
            .args(["--address", &target.address, "--region", &target.region])
            .args(["--rate", &(u64::from(abuse.pace) * u64::from(abuse.load)).to_string()])
            .args(["--slow-clients", &abuse.slow_clients.to_string()])
            .arg("--told")
            .arg(folder.path().join("told"))
            .env("ATTACK_KEY", &target.access_key_id)
            .env("ATTACK_SECRET", &target.secret_access_key)
            .stdin(Stdio::null())
            .spawn()
            .context("the attack did not start")?;
        Ok(Self { process, folder })
    }

    fn told(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("told")).unwrap_or_default()
    }

    /// Waits until everything is under way.
    fn under_way(&mut self) -> Result<()> {
        let since = Instant::now();
        while self.told().is_empty() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the attack ended with {status} before it began");
            }
            ensure!(since.elapsed() < ATTACK_START_MAX, "the attack does not begin");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// What was sent until now; then there is no more.
    fn end(mut self) -> Result<String> {
        ensure!(self.process.try_wait()?.is_none(), "the attack ended by itself");
        let told = self.told();
        Ok(told.trim().to_owned())
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A field of the process's status, in bytes.
fn memory(process_id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Whether an answer is one that an abuser must expect.
fn is_expected(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::SERVICE_UNAVAILABLE
}
