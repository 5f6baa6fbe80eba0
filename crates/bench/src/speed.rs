//! The same work against this software and against a peer, in turns, in ratios.
//!
//! Both servers run on this machine, on loopback, with fsync on, each with its
//! own fresh folder on the same file system; the client is the same program with
//! the same number of connections; each work is done by one side, then by the
//! other, for several rounds, and the *ratio of each round* is what is reported:
//! machines drift, ratios less so.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::bucket_create;
use crate::report::Report;
use crate::server::{Essaim, Garage, Server, processor_time, resident_bytes};
use crate::work::Work;

/// Speed of one node, side by side with a peer.
#[derive(Args)]
pub struct Speed {
    /// The peer to measure against, in turns.
    #[arg(long, value_parser = ["garage"])]
    peer: Option<String>,
    /// The binary under test; by default the one beside this program.
    #[arg(long)]
    essaim: Option<PathBuf>,
    /// The peer's binary.
    #[arg(long, default_value = "garage")]
    garage: PathBuf,
    /// Where both keep their data; a fresh folder is made inside; by default beside
    /// this program.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Rounds; each round does every work on each side.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only works whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Write the table as Markdown to this file as well.
    #[arg(long)]
    write: Option<PathBuf>,
}

impl Speed {
    /// Runs the works and prints the table.
    pub async fn run(self) -> Result<()> {
        blackbox::announce(crate::PROGRAM, self.essaim.as_deref(), None)?;
        let folder = crate::folder_make(self.folder.as_deref())?;
        let mut servers: Vec<Box<dyn Server>> =
            vec![Box::new(Essaim::start(self.essaim.as_deref(), folder.path())?)];
        if self.peer.is_some() {
            servers.push(Box::new(Garage::start(&self.garage, folder.path())?));
        }
        let mut report = Report::new(servers.iter().map(|server| server.name()).collect());
        for server in &servers {
            bucket_create(server.target(), crate::BUCKET).await?;
        }
        let works = self.works();
        for round in 0..self.rounds {
            for work in &works {
                for (side, server) in servers.iter().enumerate() {
                    let before = processor_time(server.process_id());
                    let mut measure = work.run(server.target(), round).await?;
                    let spent = processor_time(server.process_id()).saturating_sub(before);
                    measure.server_time = spent / measure.requests.max(1);
                    report.add(*work, side, measure, resident_bytes(server.process_id()));
                    eprintln!("round {round}: {:<16} {:<8} {measure}", work.name(), server.name());
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

    /// The works asked for, and those whose objects they need.
    fn works(&self) -> Vec<Work> {
        let asked = |work: &Work| self.only.as_ref().is_none_or(|only| work.name().contains(only));
        let needed = |work: &Work| {
            Work::ALL.iter().any(|other| asked(other) && other.needs() == Some(*work))
        };
        Work::ALL.iter().copied().filter(|work| asked(work) || needed(work)).collect()
    }
}
