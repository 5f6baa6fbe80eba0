//! This software: one node with one disk, or so many sites with a node and a disk each;
//! fsync is always on, there is no switch.
//!
//! **Invariant**: a cluster that is handed out spreads objects as it is to: one was
//! written and looked up.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::sites::Cluster;
use blackbox::{Ask, Client, Network, Node, Start, Target};
use http::Method;
use serde_json::Value;

use super::Server;
use crate::sites::Sites;
use crate::{BUCKET, bucket_create};

/// How long it may take until objects are spread over all sites.
const SPREAD_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Large enough to lie on disks; what it leaves there until it is reclaimed is little.
const PROBE_BYTES: usize = 64 << 10;
const PROBE: &str = "probe";

/// A node, or a cluster, on fresh data.
pub struct Essaim {
    nodes: Nodes,
    targets: Vec<Target>,
}

enum Nodes {
    One(Box<Node>),
    Sites(Cluster),
}

impl Nodes {
    fn all(&self) -> &[Node] {
        match self {
            Self::One(node) => core::slice::from_ref(node),
            Self::Sites(cluster) => cluster.nodes(),
        }
    }
}

impl Essaim {
    /// Starts the binary, or the one beside this program: a node by itself, or so many
    /// sites with a policy of their code for all there is, in a network if one is given.
    pub async fn start(
        binary: Option<&Path>,
        folder: &Path,
        sites: &Sites,
        network: Option<&Network>,
    ) -> Result<Self> {
        let folder = folder.join("essaim");
        let Some(code) = sites.code()? else {
            let node = Node::start_with(Start {
                folder: Some(folder),
                binary: binary.map(Path::to_path_buf),
                ..Start::default()
            })?;
            return Ok(Self::of(Nodes::One(Box::new(node))));
        };
        let cluster =
            Self::of(Nodes::Sites(Cluster::start(binary, &folder, sites.sites, network)?));
        let first = cluster.nodes.all().first().context("a cluster of no node")?;
        let policy = folder.join("policy.toml");
        fs::write(&policy, format!("[spread]\ngeometry = {code:?}\n"))?;
        first.essaim(&["policy", "set", "--cluster", &policy.display().to_string()])?;
        bucket_create(&first.target(), BUCKET).await?;
        for node in cluster.nodes.all() {
            let since = Instant::now();
            while let Err(error) = probe(node, sites.sites, code).await {
                ensure!(since.elapsed() < SPREAD_WITHIN, "{error:#}\n{}", node.log()?);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(cluster)
    }

    fn of(nodes: Nodes) -> Self {
        let targets = nodes.all().iter().map(Node::target).collect();
        Self { nodes, targets }
    }
}

impl Server for Essaim {
    fn name(&self) -> &'static str {
        "Essaim"
    }

    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn process_ids(&self) -> Vec<u32> {
        self.nodes.all().iter().map(Node::process_id).collect()
    }
}

/// Writes an object through a node and looks where its fragments lie; takes it away again.
async fn probe(node: &Node, sites: usize, code: &str) -> Result<()> {
    let mut client = Client::connect(&node.target()).await?;
    let path = format!("/{BUCKET}/{PROBE}");
    let body = vec![7; PROBE_BYTES];
    let answer = client.call(Ask::new(Method::PUT, &path).body(body)).await?;
    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    let place = node.essaim_json(&["where", &format!("s3://{BUCKET}/{PROBE}")])?;
    let part = &place["parts"][0];
    let fragments = part["fragments"].as_array().map_or(&[][..], Vec::as_slice);
    let mut at: Vec<&str> = fragments.iter().filter_map(|one| one["site"].as_str()).collect();
    at.sort_unstable();
    at.dedup();
    let lies = format!("{}+{}", part["data"], fragments.len().saturating_sub(data(part)));
    ensure!(at.len() == sites && lies == code, "not spread as {code}: {place:#}");
    let answer = client.call(Ask::new(Method::DELETE, &path)).await?;
    ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    Ok(())
}

/// Data fragments of a part.
fn data(part: &Value) -> usize {
    part["data"].as_u64().and_then(|data| usize::try_from(data).ok()).unwrap_or_default()
}
