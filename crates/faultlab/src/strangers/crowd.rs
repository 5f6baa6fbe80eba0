//! A crowd: connections without a key, from two addresses, that say the same and stay.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Where the crowd comes from.
const SOURCES: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3))];
/// Longest time until a connection is taken by the kernel.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long what was said may take to arrive.
const SETTLE: Duration = Duration::from_secs(3);
/// Of what comes back, in the socket of who does not read it.
const DEAF_BYTES: u32 = 2048;

/// What one of a crowd does.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Sent at once.
    pub(super) says: Bytes,
    /// Whether the answers are read.
    pub(super) listens: bool,
}

impl Part {
    /// Says this and reads what comes.
    pub(super) fn says(says: impl Into<Bytes>) -> Self {
        Self { says: says.into(), listens: true }
    }
}

/// The connections; they end with their handle.
pub(super) struct Crowd {
    _members: JoinSet<()>,
    ended: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
}

impl Crowd {
    /// Gathers one of so many connections, in turn from each source, and waits until all
    /// of them have been heard.
    pub(super) async fn gather(node: SocketAddr, connections: usize, part: &Part) -> Result<Self> {
        let (ended, answered) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let mut members = JoinSet::new();
        for (_, source) in (0..connections).zip(SOURCES.iter().cycle()) {
            let connecting = connect(node, *source, !part.listens);
            let stream = tokio::time::timeout(CONNECT_MAX, connecting).await;
            let stream = stream.context("the port takes no connections")??;
            let (part, ended, answered) = (part.clone(), Arc::clone(&ended), Arc::clone(&answered));
            members.spawn(async move {
                let _unheard = attend(stream, &part, &answered).await;
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        tokio::time::sleep(SETTLE).await;
        ensure!(members.len() == connections, "only {} connections", members.len());
        Ok(Self { _members: members, ended, answered })
    }

    /// How many the node has cut.
    pub(super) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    /// How many were told anything.
    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }
}

/// A connection from this address; it is reset when dropped, so that no port is kept.
pub(super) async fn connect(node: SocketAddr, source: IpAddr, deaf: bool) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if deaf {
        socket.set_recv_buffer_size(DEAF_BYTES)?;
    }
    socket.set_zero_linger()?;
    socket.bind(SocketAddr::new(source, 0)).with_context(|| format!("no address {source}"))?;
    Ok(socket.connect(node).await?)
}

/// Says one's part, then stays until the other end goes.
async fn attend(mut stream: TcpStream, part: &Part, answered: &AtomicUsize) -> Result<()> {
    // Refused early, the rest cannot be sent; the answer is there all the same.
    let _sent = stream.write_all(&part.says).await;
    if !part.listens {
        return std::future::pending().await;
    }
    let mut piece = [0; 1024];
    let mut first = true;
    while stream.read(&mut piece).await? > 0 {
        if core::mem::take(&mut first) {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
