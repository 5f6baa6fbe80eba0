//! The sites: a namespace, a file system and a process of the real binary each.
//!
//! **Invariant**: nothing of it is left when the handle goes; what a run left that was
//! killed is cleared away by the next with the same number.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use blackbox::sites::{self, Site};
use blackbox::{Link, Network, Node, Place, Start, Target};
use serde_json::Value;

use super::clock;
use super::weather::{Condition, Weather};
use crate::mount::Mount;

/// Each site's file system; its file takes the room that is written.
const DISK_SIZE: &str = "4G";
/// That of a site whose disk is to be filled.
const SMALL_DISK_SIZE: &str = "64M";
/// How long a cluster may take to be founded and joined.
const WHOLE_WITHIN: Duration = Duration::from_mins(2);

/// How a laboratory is set up.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many sites.
    pub sites: usize,
    /// How many may join later.
    pub spare: usize,
    /// The sites whose disks have 64 MiB.
    pub small: Vec<usize>,
    /// Whether the clocks of sites can be set, see [`Lab::clock`].
    pub has_clocks: bool,
    /// Decides which packets are lost.
    pub seed: u64,
    /// The binary, if not the one beside this program.
    pub binary: Option<PathBuf>,
}

impl Plan {
    /// So many sites, and room for one that joins later.
    pub const fn of(sites: usize, seed: u64, binary: Option<PathBuf>) -> Self {
        Self { sites, spare: 1, small: Vec::new(), has_clocks: false, seed, binary }
    }
}

/// All of it.
pub struct Lab {
    sites: Vec<LabSite>,
    plan: Plan,
    network: Network,
    weather: Arc<Weather>,
    binary: PathBuf,
    target: Target,
    folder: Folder,
}

struct LabSite {
    name: String,
    start: Start,
    node: Option<Node>,
    /// It has left the cluster for good.
    is_retired: bool,
    // After the process.
    disk: Mount,
}

/// Removed with everything in it, after all that is in use there.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left: {error}", self.0.display());
        }
    }
}

/// The commands of the binary at one site, whoever holds its process.
#[derive(Clone, Debug)]
pub struct Commands {
    binary: PathBuf,
    data: PathBuf,
}

impl Commands {
    /// Runs one with `--json`; what it printed.
    pub fn json(&self, words: &[&str]) -> Result<Value> {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        Ok(serde_json::from_str(&self.run(&words)?)?)
    }

    /// Runs one; what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.binary);
        let output =
            command.args(words).arg("--data").arg(&self.data).stdin(Stdio::null()).output()?;
        ensure!(
            output.status.success(),
            "essaim {words:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl LabSite {
    /// Its file system and its process, which founds a cluster or joins that of another.
    fn open(
        number: usize,
        network: &Network,
        folder: &Path,
        binary: &Path,
        plan: &Plan,
        joins: Option<&Node>,
    ) -> Result<Self> {
        let name = format!("site-{}", number + 1);
        let own = folder.join(&name);
        fs::create_dir_all(&own)?;
        let size = if plan.small.contains(&number) { SMALL_DISK_SIZE } else { DISK_SIZE };
        let disk = Mount::make(&own, size)?;
        let commune = format!("44{:03}", number + 1);
        let mut start = Site::new(&name, &commune).start(disk.point())?;
        start.binary = Some(binary.to_owned());
        start.wrapper = network.wrapper(number)?;
        if plan.has_clocks {
            start.wrapper.extend(clock::wrapper(&own)?);
        }
        start.listen = Some(network.address(Place::Site(number))?);
        let node = match joins {
            None => Node::start_with(start.clone())?,
            Some(by) => sites::join(by, start.clone())?,
        };
        start.joins = joins.is_some();
        Ok(Self { name, start, node: Some(node), is_retired: false, disk })
    }
}

impl Lab {
    /// Founds a cluster of so many sites and waits until all are there.
    pub fn open(plan: &Plan) -> Result<Self> {
        let network = Network::start(plan.sites + plan.spare, plan.seed)?;
        let folder = std::env::temp_dir().join(format!("essaim-lab-{}", network.number()));
        Mount::clear_below(&folder)?;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let folder = Folder(folder);
        let binary = plan.binary.clone().map_or_else(blackbox::binary, Ok)?;
        let mut made: Vec<LabSite> = Vec::with_capacity(plan.sites);
        for number in 0..plan.sites {
            let founder = made.first().and_then(|site| site.node.as_ref());
            made.push(LabSite::open(number, &network, &folder.0, &binary, plan, founder)?);
        }
        for node in made.iter().filter_map(|site| site.node.as_ref()) {
            sites::sites_with(node, WHOLE_WITHIN, |known| sites::all_there(known, plan.sites))?;
        }
        let target = made.first().and_then(|site| site.node.as_ref()).context("no site")?.target();
        let weather = Arc::new(Weather::new(plan.sites));
        let plan = plan.clone();
        Ok(Self { sites: made, plan, network, weather, binary, target, folder })
    }

    /// How many sites, with such as have left.
    pub fn sites(&self) -> usize {
        self.sites.len()
    }

    /// The sites that have not left.
    pub fn members(&self) -> Vec<usize> {
        let stays = |site: &usize| self.sites.get(*site).is_some_and(|site| !site.is_retired);
        (0..self.sites.len()).filter(stays).collect()
    }

    /// A fresh site joins, by a token of this one; its number.
    pub fn join(&mut self, by: usize) -> Result<usize> {
        let number = self.sites.len();
        let by = self.site(by)?.node.as_ref().context("it does not run")?;
        let (network, folder) = (&self.network, &self.folder.0);
        let made = LabSite::open(number, network, folder, &self.binary, &self.plan, Some(by))?;
        self.sites.push(made);
        Ok(number)
    }

    /// A site that has left the cluster ends, however.
    pub fn retire(&mut self, site: usize) -> Result<()> {
        self.weather.set(site, Condition::Rough);
        let retired = self.site_mut(site)?;
        retired.is_retired = true;
        retired.node.take().map_or(Ok(()), |mut node| node.kill())
    }

    /// The clock, and what the sites are like.
    pub fn weather(&self) -> Arc<Weather> {
        Arc::clone(&self.weather)
    }

    /// The network between the sites.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Where clients of the sites that have not left connect; a site keeps its address.
    pub fn targets(&self) -> Result<Vec<Target>> {
        self.members()
            .into_iter()
            .map(|site| {
                let address = self.network.address(Place::Site(site))?;
                Ok(Target { address: format!("{address}:8420"), ..self.target.clone() })
            })
            .collect()
    }

    /// The names of the sites.
    pub fn names(&self) -> Vec<String> {
        self.sites.iter().map(|site| site.name.clone()).collect()
    }

    /// The commands at a site.
    pub fn commands(&self, site: usize) -> Result<Commands> {
        Ok(Commands { binary: self.binary.clone(), data: self.data(site)? })
    }

    /// The file system of a site, and the folder of what is kept beside it.
    pub fn disk(&self, site: usize) -> Result<&Path> {
        Ok(self.site(site)?.disk.point())
    }

    /// Sets a site's clock so many hours off; its processes know it within a second.
    pub fn clock(&self, site: usize, hours: i64) -> Result<()> {
        ensure!(self.plan.has_clocks, "the clocks of this laboratory cannot be set");
        let own = self.site(site)?.disk.point().parent().context("no folder")?;
        clock::set(own, hours)
    }

    /// Whether a site's process is there.
    pub fn is_running(&mut self, site: usize) -> Result<bool> {
        self.site_mut(site)?.node.as_mut().map_or(Ok(false), Node::is_running)
    }

    /// The data directory of a site.
    pub fn data(&self, site: usize) -> Result<PathBuf> {
        let folder = self.site(site)?.start.folder.as_deref().context("no folder")?;
        Ok(folder.join("data"))
    }

    /// What a site has logged.
    pub fn log(&self, site: usize) -> Result<String> {
        let folder = self.site(site)?.start.folder.as_deref().context("no folder")?;
        Ok(fs::read_to_string(folder.join("node.log"))?)
    }

    /// Copies the logs of all sites into a folder, to be read after a failed run.
    pub fn keep_logs(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for site in 0..self.sites.len() {
            fs::write(folder.join(format!("site-{}.log", site + 1)), self.log(site)?)?;
        }
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self, site: usize) -> Result<()> {
        self.weather.set(site, Condition::Killed);
        if let Some(mut node) = self.site_mut(site)?.node.take() {
            node.kill()?;
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self, site: usize) -> Result<()> {
        self.weather.set(site, Condition::Killed);
        if let Some(mut node) = self.site_mut(site)?.node.take() {
            let code = node.stop()?;
            ensure!(code == Some(0), "site {site} ended with {code:?} when it was asked to");
        }
        Ok(())
    }

    /// Starts what was killed, and waits until it serves.
    pub fn start(&mut self, site: usize) -> Result<Duration> {
        let made = self.site_mut(site)?;
        let node = Node::start_with(made.start.clone())?;
        let after = node.ready_after();
        made.node = Some(node);
        self.weather.set(site, Condition::Well);
        Ok(after)
    }

    /// The process of a site.
    pub fn process(&self, site: usize) -> Result<u32> {
        Ok(self.site(site)?.node.as_ref().context("it does not run")?.process_id())
    }

    /// SIGSTOP.
    pub fn pause(&self, site: usize) -> Result<()> {
        self.weather.set(site, Condition::Stopped);
        self.site(site)?.node.as_ref().context("it does not run")?.pause()
    }

    /// SIGCONT.
    pub fn resume(&self, site: usize) -> Result<()> {
        self.site(site)?.node.as_ref().context("it does not run")?.resume()?;
        self.weather.set(site, Condition::Well);
        Ok(())
    }

    /// Changes the links between some sites and all others, both ways or from them only.
    pub fn links(&self, some: &[usize], link: Link, is_one_way: bool) {
        for one in some.iter().copied() {
            for other in (0..self.sites.len()).filter(|other| !some.contains(other)) {
                self.network.set(Place::Site(one), Place::Site(other), link);
                if !is_one_way {
                    self.network.set(Place::Site(other), Place::Site(one), link);
                }
            }
        }
    }

    /// What the ways from one site to every place of another are like, also of one that has
    /// not joined yet.
    pub fn ways_from(&self, site: usize, link: Link) {
        for other in (0..=self.sites.len()).filter(|other| *other != site) {
            self.network.set(Place::Site(site), Place::Site(other), link);
        }
    }

    fn site(&self, site: usize) -> Result<&LabSite> {
        self.sites.get(site).with_context(|| format!("there is no site {site}"))
    }

    fn site_mut(&mut self, site: usize) -> Result<&mut LabSite> {
        self.sites.get_mut(site).with_context(|| format!("there is no site {site}"))
    }
}
