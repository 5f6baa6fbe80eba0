//! Nodes of the real binary as sites of one cluster: founded, joined, waited for.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::network::{Network, Place};
use crate::node::{Node, Start};

/// How often it is looked whether the sites are as wanted.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a cluster may take to be whole.
const WHOLE_WITHIN: Duration = Duration::from_mins(2);

/// What a `site.toml` says that differs between sites; all are town halls in one place.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Code of its commune.
    pub commune: &'a str,
    /// Degrees east.
    pub longitude: f64,
}

impl<'a> Site<'a> {
    /// A site of this name and commune.
    pub const fn new(name: &'a str, commune: &'a str) -> Self {
        Self { name, commune, longitude: -1.5 }
    }

    /// The same at this longitude.
    #[must_use]
    pub const fn at_longitude(self, longitude: f64) -> Self {
        Self { longitude, ..self }
    }

    /// Writes `site.toml` into the folder, which is made if it is missing; its path.
    pub fn file(&self, folder: &Path) -> Result<String> {
        let Self { name, commune, longitude } = self;
        fs::create_dir_all(folder)?;
        let path = folder.join("site.toml");
        let text = format!(
            "name = {name:?}\ncountry = \"FR\"\ncommune = {commune:?}\ndepartement = \"44\"\n\
             latitude = 47.2\nlongitude = {longitude:?}\nhosting = \"town-hall\"\n\n[operator]\n\
             name = \"Ville {name}\"\nsiren = \"214401093\"\ncontrol_country = \"FR\"\n"
        );
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// How its node is started: data in the folder, described by its file.
    pub fn start(&self, folder: &Path) -> Result<Start> {
        let arguments = vec!["--site-file".into(), self.file(folder)?.into()];
        Ok(Start { folder: Some(folder.to_owned()), arguments, ..Start::default() })
    }
}

/// A one-time token for a machine that joins, good for `expires` (as `1h`).
pub fn invite(by: &Node, expires: &str) -> Result<String> {
    let made = by.essaim_json(&["invite", "--expires", expires])?;
    Ok(made["token"].as_str().context("no token")?.to_owned())
}

/// Starts a node that joins the cluster of another and has its key.
pub fn join(by: &Node, mut start: Start) -> Result<Node> {
    start.arguments.extend(["--join".into(), invite(by, "1h")?.into()]);
    start.joins = true;
    Ok(Node::start_with(start)?.with_key_of(by))
}

/// Waits until the sites, as this node knows them, are as wanted; what it says of them.
pub fn sites_with(node: &Node, within: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let since = Instant::now();
    loop {
        let sites = node.essaim_json(&["site", "list"])?;
        if wanted(&sites) {
            return Ok(sites);
        }
        ensure!(since.elapsed() < within, "{sites:#}\n{}", node.log()?);
        sleep(LOOK_EVERY);
    }
}

/// Whether so many nodes are there with all their disks, as many sites vote as are to,
/// one of them leads, and the answer is the cluster's.
pub fn all_there(sites: &Value, count: usize) -> bool {
    let voters = match count {
        0..=2 => count,
        3 | 4 => 3,
        _ => 5,
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let nodes: Vec<Value> =
        list(&sites["sites"]).iter().flat_map(|site| list(&site["nodes"])).collect();
    let has_disks = |node: &Value| {
        let disks = list(&node["disks"]);
        let is_there = |disk: &Value| disk["reach"] == "there" && disk["state"] == "healthy";
        !disks.is_empty() && disks.iter().all(is_there)
    };
    nodes.len() == count
        && nodes.iter().all(|node| node["reachable"] == true && has_disks(node))
        && sites["voting"] == voters
        && sites["is_current"] == true
        && nodes.iter().filter(|node| node["catalog"] == "leads").count() == 1
}

/// Several nodes, each a site of its own, as one cluster.
pub struct Cluster {
    nodes: Vec<Node>,
}

impl Cluster {
    /// Founds a cluster of so many sites with fresh data below a folder, at the sites of a
    /// network if one is given, and waits until each knows all of them with their disks
    /// and the voters are chosen.
    pub fn start(
        binary: Option<&Path>,
        folder: &Path,
        sites: usize,
        network: Option<&Network>,
    ) -> Result<Self> {
        let mut nodes: Vec<Node> = Vec::new();
        for number in 1..=sites {
            let (name, commune) = (format!("site-{number}"), format!("44{number:03}"));
            let mut start = Site::new(&name, &commune).start(&folder.join(&name))?;
            start.binary = binary.map(Path::to_path_buf);
            if let Some(network) = network {
                start.listen = Some(network.address(Place::Site(number - 1))?);
                start.wrapper = network.wrapper(number - 1)?;
            }
            nodes.push(match nodes.first() {
                None => Node::start_with(start)?,
                Some(first) => join(first, start)?,
            });
        }
        for node in &nodes {
            sites_with(node, WHOLE_WITHIN, |known| all_there(known, sites))?;
        }
        Ok(Self { nodes })
    }

    /// Its nodes; the first founded it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}
