//! Churn: one address opens connections as fast as it can, and those of another, which
//! take a second until they have signed anything, must not be cut for it.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use blackbox::{Ask, Client, Target};
use http::Method;
use tokio::task::JoinSet;

use super::{HOLDER, crowd};

/// Who opens connections.
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Who does it at the same time, and the connections each of them keeps open: more than
/// strangers have places, fewer than one address may have.
const OPENERS: usize = 4;
const KEPT: usize = 400;
/// Clients with a key that come meanwhile.
pub(super) const TRIES: u32 = 20;
/// Until each has signed something.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest time until it has an answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What became of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Churned {
    /// Connections that were opened.
    pub(super) opened: usize,
    /// Clients with a key that got no answer.
    pub(super) unanswered: usize,
}

/// Opens connections for this long.
pub(super) async fn run(
    target: &Target,
    node: SocketAddr,
    connections: usize,
    during: Duration,
) -> Result<Churned> {
    let opened = Arc::<AtomicUsize>::default();
    let mut openers = JoinSet::new();
    let kept = KEPT.min(connections / 2 / OPENERS).saturating_sub(1);
    for _ in 0..OPENERS {
        let opened = Arc::clone(&opened);
        openers.spawn(async move {
            let mut open = VecDeque::new();
            loop {
                match crowd::connect(node, SOURCE, false).await {
                    Ok(stream) => open.push_back(stream),
                    Err(_full) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
                opened.fetch_add(1, Ordering::Relaxed);
                if open.len() > kept {
                    open.pop_front();
                }
            }
        });
    }
    let mut clients = JoinSet::new();
    let step = during.saturating_sub(PAUSE) / TRIES;
    for _ in 0..TRIES {
        let target = target.clone();
        clients.spawn(async move {
            let asked = async {
                let mut client = Client::connect_from(&target, HOLDER).await?;
                tokio::time::sleep(PAUSE).await;
                client.call(Ask::new(Method::GET, "/")).await
            };
            match tokio::time::timeout(ANSWER_MAX, asked).await {
                Ok(Ok(answer)) => answer.status.is_success(),
                Ok(Err(_)) | Err(_) => false,
            }
        });
        tokio::time::sleep(step).await;
    }
    let answered = clients.join_all().await;
    let unanswered = answered.iter().filter(|answered| !**answered).count();
    Ok(Churned { opened: opened.load(Ordering::Relaxed), unanswered })
}
