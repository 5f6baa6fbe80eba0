//! The same work against this software and against a peer, in turns, in ratios.
//!
//! Both servers run on this machine, on loopback, with fsync on, each with its
//! own fresh folder on the same file system; the client is the same program with
//! the same number of connections; each work is done by one side, then by the
//! other, for several rounds, and the *ratio of each round* is what is reported:
//! machines drift, ratios less so.
//!
//! With `--sites` each side is a cluster of so many nodes on this machine, with fresh
//! folders of their own: this software with a code over all sites, the peer with three
//! copies.
//!
//! With `--delay-ms` the nodes stand in network namespaces, and packets between them take
//! so long each way; between the clients and the nodes they take no time. Without a peer
//! the other side is then the same cluster with the delay taken away: the ratio is what
//! is left of its speed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use blackbox::{Link, Network};
use clap::Args;

use crate::bucket_create;
use crate::report::Report;
use crate::server::{Essaim, Garage, Server};
use crate::sites::Sites;
use crate::work::{Targets, Work};

/// Speed of one node or of a cluster, side by side with a peer.
#[derive(Args)]
pub struct Speed {
    #[command(flatten)]
    cluster: Sites,
    /// The node that all clients connect to, counted from 1; the first founded the cluster.
    #[arg(long, value_name = "NODE", default_value_t = 1, conflicts_with = "spread")]
    through: usize,
    /// The clients connect to all nodes in turn.
    #[arg(long)]
    spread: bool,
    /// Milliseconds from one node to another, one way, as the superuser; there and back is
    /// twice that.
    #[arg(long)]
    delay_ms: Option<f64>,
    /// The peer to measure against, in turns.
    #[arg(long, value_parser = ["garage"])]
    peer: Option<String>,
    /// The binary under test; by default the one beside this program.
    #[arg(long)]
    essaim: Option<PathBuf>,
    /// The peer's binary.
    #[arg(long, env = "ESSAIM_GARAGE", default_value = "garage")]
    garage: PathBuf,
    /// Where both keep their data; a fresh folder is made inside; by default beside
    /// this program.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Rounds; each round does every work on each side.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Small objects, which are written, read, listed and deleted; without it 5,000, and
    /// 2,000 on several sites, where peers take minutes for them.
    #[arg(long)]
    objects: Option<usize>,
    /// Only works whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Write the table as Markdown to this file as well.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// One column of the table.
struct Side<'a> {
    name: &'static str,
    server: &'a dyn Server,
    /// Between its nodes, one way.
    delay: Duration,
}

impl Speed {
    /// Runs the works and prints the table.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.essaim.as_deref(), None)?;
        let folder = crate::folder_make(self.folder.as_deref())?;
        let network = self.network()?;
        let servers = self.servers(folder.path(), network.as_ref()).await?;
        let sides = self.sides(&servers)?;
        let mut report = Report::new(sides.iter().map(|side| side.name).collect());
        for server in &servers {
            bucket_create(self.targets(server.as_ref())?.first(), crate::BUCKET).await?;
        }
        let works = self.works();
        let objects = self.objects.unwrap_or(if self.cluster.sites == 1 { 5_000 } else { 2_000 });
        for round in 0..self.rounds {
            for work in &works {
                for (number, Side { name, server, delay }) in sides.iter().enumerate() {
                    if let Some(network) = &network {
                        network.set_between_sites(Link { delay: *delay, ..Link::default() });
                    }
                    let targets = self.targets(*server)?;
                    let before = server.processor_time();
                    let mut measure = work.run(&targets, round, objects).await?;
                    let spent = server.processor_time().saturating_sub(before);
                    measure.server_time = spent / measure.requests.max(1);
                    report.add(*work, number, measure, server.resident_bytes());
                    eprintln!("round {round}: {:<19} {name:<8} {measure}", work.name());
                }
            }
        }
        let table = report.markdown();
        println!("{table}");
        if let Some(path) = self.write {
            std::fs::write(path, table)?;
        }
        Ok(())
    }

    /// The namespaces of the nodes, if there is a delay between them.
    fn network(&self) -> Result<Option<Network>> {
        let Some(delay) = self.delay()? else { return Ok(None) };
        ensure!(self.cluster.sites > 1, "--delay-ms needs --sites");
        let network = Network::start(self.cluster.sites, 1)?;
        network.set_between_sites(Link { delay, ..Link::default() });
        Ok(Some(network))
    }

    fn delay(&self) -> Result<Option<Duration>> {
        let Some(ms) = self.delay_ms else { return Ok(None) };
        let delay = Duration::try_from_secs_f64(ms / 1e3);
        Ok(Some(delay.context("--delay-ms: not a time")?))
    }

    async fn servers(
        &self,
        folder: &Path,
        network: Option<&Network>,
    ) -> Result<Vec<Box<dyn Server>>> {
        let sites = &self.cluster;
        let ours = Essaim::start(self.essaim.as_deref(), folder, sites, network).await?;
        let mut servers: Vec<Box<dyn Server>> = vec![Box::new(ours)];
        if self.peer.is_some() {
            servers.push(Box::new(Garage::start(&self.garage, folder, sites.sites, network)?));
        }
        Ok(servers)
    }

    /// What is measured in turns.
    fn sides<'a>(&self, servers: &'a [Box<dyn Server>]) -> Result<Vec<Side<'a>>> {
        let delay = self.delay()?.unwrap_or_default();
        let mut sides = Vec::new();
        for server in servers {
            sides.push(Side { name: server.name(), server: server.as_ref(), delay });
        }
        if let ([server], false) = (servers, delay.is_zero()) {
            let server = server.as_ref();
            sides.push(Side { name: "without delay", server, delay: Duration::ZERO });
        }
        Ok(sides)
    }

    /// Where clients connect.
    fn targets(&self, server: &dyn Server) -> Result<Targets> {
        let nodes = server.targets();
        if self.spread {
            return Targets::new(nodes.to_vec());
        }
        let node = self.through.checked_sub(1).and_then(|number| nodes.get(number));
        Targets::new(vec![node.context("--through: there are not so many nodes")?.clone()])
    }

    /// The works asked for, and those whose objects they need.
    fn works(&self) -> Vec<Work> {
        let asked = |work: &Work| self.only.as_ref().is_none_or(|only| work.name().contains(only));
        let needed = |work: &Work| {
            Work::ALL.iter().any(|other| asked(other) && other.needs() == Some(*work))
        };
        Work::ALL.iter().copied().filter(|work| asked(work) || needed(work)).collect()
    }
}
