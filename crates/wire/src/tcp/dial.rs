//! Opens a connection to exactly one node.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::credentials::{ALPN, ALPN_UPKEEP, Credentials};
use super::health::{Health, Heard};
use super::line::{Line, Upkeep, buffered};
use crate::Peer;
use crate::limits::{
    ADDRESSES_MAX, DIAL_WITHIN, FIELDS_BYTES_MAX, FRAME_BYTES_MAX, REPLIES_WINDOW_BYTES,
    SEND_BUFFER_BYTES_MAX, STREAM_WINDOW_BYTES,
};

/// A connection that has answered once.
pub(super) struct Dialled {
    pub requests: SendRequest<Bytes>,
    pub connection: Connection<Line<TlsStream<BufReader<TcpStream>>>, Bytes>,
    pub pings: PingPong,
    pub heard: Arc<Heard>,
}

/// Tries the addresses of a peer in their order; else says why each failed.
pub(super) async fn dial(
    credentials: &Credentials,
    peer: &Peer,
    health: &Arc<Health>,
    cut: &CancellationToken,
    is_upkeep: bool,
) -> Result<Dialled, String> {
    let mut reasons = Vec::new();
    for address in peer.addresses.iter().take(ADDRESSES_MAX) {
        match in_time(lookup(address)).await {
            Err(reason) => reasons.push(format!("{address}: {reason}")),
            Ok(sockets) => {
                for socket in sockets {
                    match in_time(open(socket, credentials, peer, health, cut, is_upkeep)).await {
                        Ok(dialled) => return Ok(dialled),
                        Err(reason) => reasons.push(format!("{address}: {reason}")),
                    }
                }
            }
        }
    }
    if reasons.is_empty() {
        return Err("no address of it is known".to_owned());
    }
    Err(reasons.join("; "))
}

async fn in_time<T>(tried: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| Err(format!("no answer within {DIAL_WITHIN:?}"));
    timeout(DIAL_WITHIN, tried).await.unwrap_or_else(late)
}

async fn lookup(address: &str) -> Result<Vec<SocketAddr>, String> {
    let found = lookup_host(address).await.map_err(|error| error.to_string())?;
    let found: Vec<_> = found.take(ADDRESSES_MAX).collect();
    if found.is_empty() {
        return Err("its name has no address".to_owned());
    }
    Ok(found)
}

async fn open(
    socket: SocketAddr,
    credentials: &Credentials,
    peer: &Peer,
    health: &Arc<Health>,
    cut: &CancellationToken,
    is_upkeep: bool,
) -> Result<Dialled, String> {
    let tcp = TcpStream::connect(socket).await.map_err(|error| error.to_string())?;
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let upkeep = is_upkeep.then(|| Upkeep::begin(&tcp, health.clone())).transpose();
    let upkeep = upkeep.map_err(|error| error.to_string())?;
    let config = credentials.client(peer.key, is_upkeep).map_err(|error| error.to_string())?;
    // Nobody is asked for by name: the key says who it is.
    let nameless = ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let connector = TlsConnector::from(Arc::new(config));
    let io = connector.connect(nameless, buffered(tcp)).await.map_err(|error| error.to_string())?;
    let spoken = io.get_ref().1.alpn_protocol();
    if spoken != Some(ALPN) && !(is_upkeep && spoken == Some(ALPN_UPKEEP)) {
        return Err("it speaks another protocol".to_owned());
    }
    let heard = Arc::new(Heard::never());
    let of_node = Some(health.heard.clone());
    let line = Line { io, cut: cut.clone(), heard: heard.clone(), of_node, upkeep };
    let (requests, mut connection) = Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(REPLIES_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(FIELDS_BYTES_MAX)
        .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
        .handshake::<_, Bytes>(line)
        .await
        .map_err(|error| error.to_string())?;
    let Some(mut pings) = connection.ping_pong() else {
        return Err("the connection cannot be watched".to_owned());
    };
    // In TLS 1.3 a client is done before the server has judged its key: only an answer
    // says that this node was let in.
    let asked = Instant::now();
    tokio::select! {
        biased;
        ended = &mut connection => {
            let refused = "it closed the connection".to_owned();
            return Err(ended.err().map_or(refused, |error| error.to_string()));
        }
        pong = pings.ping(Ping::opaque()) => pong.map_err(|error| error.to_string())?,
    };
    health.measured(asked.elapsed());
    Ok(Dialled { requests, connection, pings, heard })
}
